//! `/metrics/find`: the nodes of the tree of plain paths that a pattern names, in graphite-web's shapes
//! (webapp/graphite/metrics/views.py). Series with labels are no part of the tree.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{GraphiteError, parse_time, pattern};
use crate::{Budget, Source, TimeRange};

/// What `/metrics/find` was asked.
#[derive(Debug, Clone, Default)]
pub struct FindRequest {
    pub query: String,
    /// Everything ever seen where absent.
    pub from: Option<String>,
    pub until: Option<String>,
    pub zone: Option<String>,
    pub format: FindFormat,
    /// Adds a `*` beside several nodes.
    pub wildcards: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FindFormat {
    #[default]
    TreeJson,
    NodeList,
    Completer,
    Json,
}

/// A place in the tree. A path may be a leaf and a branch at once; then it stands twice, the branch first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Node {
    pub path: String,
    pub is_leaf: bool,
}

impl Node {
    fn name(&self) -> &str {
        self.path.rsplit('.').next().unwrap_or_default()
    }
}

/// The nodes that the query names, sorted by path.
///
/// # Errors
/// A pattern or a time that cannot be read, or a failing source.
pub fn find(
    source: &dyn Source,
    request: &FindRequest,
    now_ms: i64,
    budget: &Budget,
) -> Result<Vec<Node>, GraphiteError> {
    let query = full_query(request);
    let zone = request.zone.as_deref();
    let at = |text: &Option<String>, absent| match text.as_deref() {
        Some(text) => Ok(parse_time(text, now_ms, zone)?.saturating_mul(1_000)),
        None => Ok::<i64, GraphiteError>(absent),
    };
    let range = TimeRange {
        from_ms: at(&request.from, 0)?,
        to_ms: at(&request.until, now_ms)?,
    };
    let matcher = pattern::tree_matcher(&query)?;
    let depth = depth_of(&query);
    let mut nodes = BTreeSet::new();
    for key in source.series(&[vec![matcher]], range, budget)? {
        if key.labels().next().is_none() {
            nodes.extend(node_at(key.name(), depth));
        }
    }
    Ok(nodes.into_iter().collect())
}

/// The answer in the shape that was asked for.
#[must_use]
pub fn find_json(request: &FindRequest, nodes: &[Node]) -> Value {
    match request.format {
        FindFormat::TreeJson => tree(request, nodes),
        FindFormat::NodeList => node_list(nodes),
        FindFormat::Completer => completer(request, nodes),
        FindFormat::Json => {
            let row = |node: &Node| json!({"path": node.path, "is_leaf": node.is_leaf});
            nodes.iter().map(row).collect()
        }
    }
}

/// What a completer has typed so far is a beginning.
fn full_query(request: &FindRequest) -> String {
    let mut query = request.query.clone();
    if request.format == FindFormat::Completer {
        query = query.replace("..", "*.");
        if !query.ends_with('*') {
            query.push('*');
        }
    }
    query
}

/// Components of a pattern; a dot within braces divides nothing.
fn depth_of(query: &str) -> usize {
    let mut braces = 0usize;
    let mut depth = 1;
    for c in query.chars() {
        match c {
            '{' => braces += 1,
            '}' => braces = braces.saturating_sub(1),
            '.' if braces == 0 => depth += 1,
            _ => {}
        }
    }
    depth
}

fn node_at(name: &str, depth: usize) -> Option<Node> {
    let mut dots = name.match_indices('.').map(|(at, _)| at);
    let (path, is_leaf) = match dots.nth(depth.checked_sub(1)?) {
        Some(at) => (name.get(..at)?, false),
        None => (name, true),
    };
    Some(Node {
        path: path.to_owned(),
        is_leaf,
    })
}

fn tree(request: &FindRequest, nodes: &[Node]) -> Value {
    let base = match request.query.rsplit_once('.') {
        Some((base, _)) => format!("{base}."),
        None => String::new(),
    };
    let row = |text: &str, is_leaf: bool| {
        let (leaf, branch) = (u8::from(is_leaf), u8::from(!is_leaf));
        json!({"text": text, "id": format!("{base}{text}"), "leaf": leaf,
               "expandable": branch, "allowChildren": branch, "context": {}})
    };
    let mut rows = Vec::new();
    if nodes.len() > 1 && request.wildcards {
        rows.push(row("*", nodes.iter().all(|node| node.is_leaf)));
    }
    // Several paths may end in one name; branches stand before leaves.
    for is_leaf in [false, true] {
        let of_kind = nodes.iter().filter(|node| node.is_leaf == is_leaf);
        let names: BTreeSet<&str> = of_kind.map(Node::name).collect();
        rows.extend(names.into_iter().map(|name| row(name, is_leaf)));
    }
    Value::Array(rows)
}

fn node_list(nodes: &[Node]) -> Value {
    let names: BTreeSet<&str> = nodes.iter().map(Node::name).collect();
    json!({"nodes": names})
}

fn completer(request: &FindRequest, nodes: &[Node]) -> Value {
    let row = |node: &Node| {
        let dot = if node.is_leaf { "" } else { "." };
        let leaf = if node.is_leaf { "1" } else { "0" };
        json!({"path": format!("{}{dot}", node.path), "name": node.name(), "is_leaf": leaf})
    };
    let mut rows: Vec<Value> = nodes.iter().map(row).collect();
    if rows.len() > 1 && request.wildcards {
        rows.push(json!({"name": "*"}));
    }
    json!({"metrics": rows})
}

//! Globs as one tree over components, so that a name is compared with thousands of rules in one walk. Owns the order in
//! which globs hold; knows rules by their numbers only.

use std::collections::HashMap;

use super::Order;

const ROOT: u32 = 0;

/// All globs. A walk visits each node once at most, so a name costs no more than there are components in all rules.
#[derive(Debug)]
pub(super) struct Tree(Vec<Node>);

#[derive(Debug)]
struct Node {
    literal: HashMap<Box<str>, u32>,
    star: Option<u32>,
    /// Rules that end here, ascending.
    rules: Vec<u32>,
    /// The first rule that ends here or below.
    first: u32,
}

impl Default for Tree {
    fn default() -> Self {
        Self(vec![Node::new()])
    }
}

impl Node {
    fn new() -> Self {
        Self {
            literal: HashMap::new(),
            star: None,
            rules: Vec::new(),
            first: u32::MAX,
        }
    }
}

impl Tree {
    /// Rules come in ascending order.
    pub(super) fn insert(&mut self, glob: &str, rule: u32) {
        let mut at = ROOT;
        self.touch(at, rule);
        for word in glob.split('.') {
            at = self.child(at, word);
            self.touch(at, rule);
        }
        self.0[at as usize].rules.push(rule);
    }

    /// The rule that holds for a name of these components, of those that `fits` takes.
    pub(super) fn find(
        &self,
        words: &[&str],
        order: Order,
        fits: impl Fn(u32) -> bool,
    ) -> Option<u32> {
        let mut walk = Walk {
            tree: self,
            order,
            fits: &fits,
            best: None,
        };
        walk.from(ROOT, words);
        walk.best
    }

    fn touch(&mut self, at: u32, rule: u32) {
        let first = &mut self.0[at as usize].first;
        *first = rule.min(*first);
    }

    fn child(&mut self, at: u32, word: &str) -> u32 {
        let new = self.0.len() as u32;
        let node = &mut self.0[at as usize];
        let place = if word == "*" {
            node.star.get_or_insert(new)
        } else {
            node.literal.entry(word.into()).or_insert(new)
        };
        let child = *place;
        if child == new {
            self.0.push(Node::new());
        }
        child
    }
}

struct Walk<'a> {
    tree: &'a Tree,
    order: Order,
    fits: &'a dyn Fn(u32) -> bool,
    best: Option<u32>,
}

impl Walk<'_> {
    /// Deeper by a component each call, so no deeper than the longest rule.
    fn from(&mut self, at: u32, words: &[&str]) {
        let Some(node) = self.tree.0.get(at as usize) else {
            return;
        };
        if !self.may_be_better(node.first) {
            return;
        }
        let Some((word, rest)) = words.split_first() else {
            let found = node.rules.iter().find(|rule| (self.fits)(**rule));
            if let Some(rule) = found.filter(|rule| self.may_be_better(**rule)) {
                self.best = Some(*rule);
            }
            return;
        };
        if let Some(child) = node.literal.get(*word) {
            self.from(*child, rest);
        }
        if let Some(child) = node.star.filter(|_| !word.is_empty()) {
            self.from(child, rest);
        }
    }

    fn may_be_better(&self, first: u32) -> bool {
        match (self.order, self.best) {
            (_, None) => true,
            (Order::AsWritten, Some(best)) => first < best,
            (Order::MostSpecific, Some(_)) => false,
        }
    }
}

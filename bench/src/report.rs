//! The results: goals beside figures, then a table a workload. Sections are kept as JSON in the work folder, so that a run
//! of one workload leaves the others in the page as they were measured.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// What one workload gave.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Section {
    pub(crate) title: String,
    /// Paragraphs under the title.
    pub(crate) notes: Vec<String>,
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
    pub(crate) goals: Vec<Goal>,
    /// Samples that did not arrive, servers that failed.
    pub(crate) failures: Vec<String>,
    pub(crate) date: String,
    pub(crate) machine: String,
    pub(crate) commit: String,
}

/// A figure with what is wanted of it; less is better.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Goal {
    pub(crate) what: String,
    pub(crate) unit: String,
    pub(crate) reach: f64,
    pub(crate) further: f64,
    pub(crate) weir: Option<f64>,
    /// In the same run.
    pub(crate) peers: Vec<(String, f64)>,
}

impl Goal {
    pub(crate) fn new(what: &str, unit: &str, reach: f64, further: f64) -> Self {
        Self {
            what: what.to_owned(),
            unit: unit.to_owned(),
            reach,
            further,
            weir: None,
            peers: Vec::new(),
        }
    }

    /// Notes a server's figure.
    pub(crate) fn note(&mut self, server: &str, figure: f64) {
        match server {
            "Weir" => self.weir = Some(figure),
            peer => self.peers.push((peer.to_owned(), figure)),
        }
    }

    fn verdict(&self) -> &'static str {
        match self.weir {
            None => "not measured",
            Some(figure) if figure <= self.further => "further",
            Some(figure) if figure <= self.reach => "reached",
            Some(_) => "missed",
        }
    }
}

/// Lays the sections of this run over those of earlier ones and writes the page.
///
/// # Errors
/// When a file cannot be read or written.
pub(crate) fn write(
    kept: &Path,
    page: &Path,
    new: &[(String, Section)],
    order: &[&str],
    quick: bool,
) -> Result<()> {
    let mut sections: Vec<(String, Section)> = match fs::read(kept) {
        Ok(bytes) => {
            serde_json::from_slice(&bytes).with_context(|| format!("read {}", kept.display()))?
        }
        Err(_) => Vec::new(),
    };
    sections.retain(|(name, _)| !new.iter().any(|(other, _)| other == name));
    sections.extend_from_slice(new);
    sections.sort_by_key(|(name, _)| order.iter().position(|known| known == name));
    fs::write(kept, serde_json::to_vec(&sections)?)?;
    let text = render(sections.iter().map(|(_, section)| section), quick);
    fs::write(page, text).with_context(|| format!("write {}", page.display()))
}

fn render<'a>(sections: impl Iterator<Item = &'a Section> + Clone, quick: bool) -> String {
    let mut out = String::from("# Results of `cargo xtask bench`\n\n");
    if quick {
        out.push_str(
            "**A quick run: it says whether everything works. Its figures mean nothing.**\n\n",
        );
    }
    out.push_str("How each figure is taken: [README.md](README.md). Less is better in all of the first table.\n\n");
    let header = ["figure", "Weir", "goal", "further", "", "peers, same run"];
    let goals = sections
        .clone()
        .flat_map(|section| &section.goals)
        .map(goal_cells);
    table(&mut out, &header.map(str::to_owned), goals);
    for section in sections {
        let Section {
            title,
            date,
            machine,
            commit,
            ..
        } = section;
        let _ = write!(out, "\n## {title}\n\n{date}, commit {commit}; {machine}.\n");
        for note in &section.notes {
            let _ = writeln!(out, "{note}");
        }
        out.push('\n');
        table(&mut out, &section.columns, section.rows.iter().cloned());
        for failure in &section.failures {
            let _ = writeln!(out, "\n**Failed:** {failure}");
        }
    }
    out
}

fn goal_cells(goal: &Goal) -> Vec<String> {
    let unit = |figure: f64| {
        format!("{} {}", number(figure), goal.unit)
            .trim_end()
            .to_owned()
    };
    let peers: Vec<String> = goal
        .peers
        .iter()
        .map(|(name, figure)| format!("{name} {}", number(*figure)))
        .collect();
    vec![
        goal.what.clone(),
        goal.weir.map_or_else(|| "–".to_owned(), unit),
        format!("≤ {}", number(goal.reach)),
        number(goal.further),
        goal.verdict().to_owned(),
        peers.join(", "),
    ]
}

fn table(out: &mut String, columns: &[String], rows: impl Iterator<Item = Vec<String>>) {
    let _ = writeln!(out, "| {} |", columns.join(" | "));
    let _ = writeln!(out, "|{}", "---|".repeat(columns.len()));
    for row in rows {
        let cells: Vec<String> = row
            .iter()
            .map(|cell| cell.replace('|', "/").replace('\n', " "))
            .collect();
        let _ = writeln!(out, "| {} |", cells.join(" | "));
    }
}

/// Three digits that count.
pub(crate) fn number(figure: f64) -> String {
    let size = figure.abs();
    match size {
        _ if size >= 100.0 || figure == 0.0 => thousands(figure.round() as i64),
        _ if size >= 10.0 => format!("{figure:.1}"),
        _ if size >= 1.0 => format!("{figure:.2}"),
        _ => format!("{figure:.3}"),
    }
}

pub(crate) fn thousands(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut out = String::from(if number < 0 { "-" } else { "" });
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(title: &str, weir: Option<f64>) -> Section {
        let mut goal = Goal::new("CPU", "s", 0.3, 0.18);
        weir.into_iter()
            .for_each(|figure| goal.note("Weir", figure));
        goal.note("Peer", 1.7);
        Section {
            title: title.to_owned(),
            columns: vec!["server".to_owned()],
            rows: vec![vec!["a|b".to_owned()]],
            goals: vec![goal],
            failures: vec!["7 samples".to_owned()],
            ..Section::default()
        }
    }

    #[test]
    fn a_goal_is_beside_its_figure() {
        for (figure, verdict) in [
            (Some(0.1), "further"),
            (Some(0.25), "reached"),
            (Some(0.4), "missed"),
            (None, "not measured"),
        ] {
            assert_eq!(section("x", figure).goals[0].verdict(), verdict);
        }
        let text = render([section("T", Some(0.25))].iter(), true);
        assert!(
            text.contains("| CPU | 0.250 s | ≤ 0.300 | 0.180 | reached | Peer 1.70 |"),
            "{text}"
        );
        assert!(text.contains("| a/b |") && text.contains("7 samples") && text.contains("quick"));
    }

    #[test]
    fn a_later_run_of_one_workload_keeps_the_other() {
        let folder = tempfile::tempdir().unwrap();
        let (kept, page) = (folder.path().join("k"), folder.path().join("p"));
        let named = |name: &str, title: &str| (name.to_owned(), section(title, None));
        let order = ["a", "b"];
        write(
            &kept,
            &page,
            &[named("b", "old b"), named("a", "old a")],
            &order,
            false,
        )
        .unwrap();
        write(&kept, &page, &[named("b", "new b")], &order, false).unwrap();
        let text = fs::read_to_string(page).unwrap();
        let places = ["old a", "new b", "old b"].map(|title| text.find(title));
        assert!(
            places[0] < places[1] && places[0].is_some() && places[2].is_none(),
            "{text}"
        );
    }

    #[test]
    fn numbers_have_three_digits_that_count() {
        assert_eq!(
            [0.0, 0.12345, 1.234, 12.34, 123.4, 1_234_567.0].map(number),
            ["0", "0.123", "1.23", "12.3", "123", "1,234,567"]
        );
    }
}

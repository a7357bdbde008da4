//! From glob patterns to rules: finds the files, reads them within bounds, hands them on to be understood.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::{RuleSet, check, document, limits};
use crate::{AlertingError, CheckExpr};

/// Reads all rule files that the patterns name and checks them to the last expression. Starts nothing, so it
/// serves `check` commands as well.
///
/// # Errors
/// A file that cannot be read or named twice over; YAML that does not parse; an unknown key; what Prometheus'
/// own checks refuse; a template with unknown syntax; an expression that `check` refuses: with file, line and
/// column.
pub fn load_rules(patterns: &[String], check: &CheckExpr) -> Result<RuleSet, AlertingError> {
    let mut rules = RuleSet::default();
    for file in files(patterns)? {
        let text = read(&file)?;
        let name = file.display().to_string();
        let groups = document::groups(&name, &text)?;
        check::add_file(&mut rules, &name, groups, check)?;
    }
    check::number_twins(&mut rules);
    Ok(rules)
}

fn files(patterns: &[String]) -> Result<BTreeSet<PathBuf>, AlertingError> {
    let mut files = BTreeSet::new();
    for pattern in patterns {
        let refuse = |reason: String| AlertingError::Pattern {
            pattern: pattern.clone(),
            reason,
        };
        let before = files.len();
        for entry in glob::glob(pattern).map_err(|error| refuse(error.to_string()))? {
            let file = entry.map_err(|error| refuse(error.to_string()))?;
            if !file.is_dir() {
                files.insert(file);
            }
            if files.len() > limits::FILES {
                return Err(refuse(format!("more than {} files", limits::FILES)));
            }
        }
        if files.len() == before && !Path::new(pattern).exists() {
            if !pattern.contains(['*', '?', '[']) {
                return Err(refuse("there is no such file".to_owned()));
            }
            tracing::warn!(pattern, "no rule file fits this pattern");
        }
    }
    Ok(files)
}

fn read(file: &Path) -> Result<String, AlertingError> {
    let cannot = |source| AlertingError::ReadRules {
        file: file.to_owned(),
        source,
    };
    let mut text = String::new();
    std::fs::File::open(file)
        .map_err(cannot)?
        .take(limits::FILE_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(cannot)?;
    if text.len() as u64 > limits::FILE_BYTES {
        return Err(AlertingError::Rule {
            place: file.display().to_string(),
            reason: format!(
                "the file is longer than {} bytes; split it",
                limits::FILE_BYTES
            ),
        });
    }
    Ok(text)
}

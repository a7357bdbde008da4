//! What a reader should know besides the result: collected while evaluating, each once, not too many.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use super::{Answer, QueryValue};

const MOST: usize = 32;

#[derive(Debug, Default)]
pub(super) struct Notes {
    warnings: Mutex<BTreeSet<String>>,
    infos: Mutex<BTreeSet<String>>,
}

impl Notes {
    pub(super) fn warn(&self, text: String) {
        add(&self.warnings, text);
    }

    pub(super) fn inform(&self, text: String) {
        add(&self.infos, text);
    }

    /// Values of a kind that this operation passes over.
    pub(super) fn skipped_histograms(&self, operation: &str) {
        self.inform(format!("PromQL info: ignored histograms in {operation}"));
    }

    pub(super) fn mixed(&self, metric: &str) {
        self.warn(format!(
            "PromQL warning: encountered a mix of histograms and floats for metric name {metric:?}"
        ));
    }

    pub(super) fn mixed_aggregation(&self) {
        self.warn(
            "PromQL warning: encountered a mix of histograms and floats for aggregation".to_owned(),
        );
    }

    pub(super) fn answer(self, value: QueryValue) -> Answer {
        Answer {
            value,
            warnings: taken(self.warnings),
            infos: taken(self.infos),
        }
    }
}

fn add(set: &Mutex<BTreeSet<String>>, text: String) {
    let mut set = set.lock().unwrap_or_else(PoisonError::into_inner);
    if set.len() < MOST {
        set.insert(text);
    }
}

fn taken(set: Mutex<BTreeSet<String>>) -> Vec<String> {
    let set = set.into_inner().unwrap_or_else(PoisonError::into_inner);
    set.into_iter().collect()
}

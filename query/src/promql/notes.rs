//! What a reader should know besides the result: collected while evaluating, each once, not too many.

use std::cell::RefCell;
use std::collections::BTreeSet;

use super::{Answer, QueryValue};

const MOST: usize = 32;

#[derive(Debug, Default)]
pub(super) struct Notes {
    warnings: RefCell<BTreeSet<String>>,
    infos: RefCell<BTreeSet<String>>,
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
            warnings: self.warnings.into_inner().into_iter().collect(),
            infos: self.infos.into_inner().into_iter().collect(),
        }
    }
}

fn add(set: &RefCell<BTreeSet<String>>, text: String) {
    let mut set = set.borrow_mut();
    if set.len() < MOST {
        set.insert(text);
    }
}

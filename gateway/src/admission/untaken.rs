//! Why points of a request were not stored: its sender can be told, and try again.

use std::time::Duration;

use weir_store::StoreError;

/// What the sender is told.
#[derive(Debug, thiserror::Error)]
pub enum Untaken {
    #[error("{0}")]
    Store(#[from] StoreError),
    /// Nothing was taken; how long until something may come again.
    #[error("this source sends more than it may (section rates); try again in {} ms", .0.as_millis())]
    Rate(Duration),
    /// So many were let go, the others are stored.
    #[error(
        "overload: {0} samples whose priority is too low now were let go, the others are stored; try again"
    )]
    Priority(u64),
}

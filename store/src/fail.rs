//! Fail points: named places in the order of durability where a test can end the process, inject an error or leave a
//! step out. Compiled in only with the feature `failpoints`; `FAILPOINTS="journal.sync=abort@3;table.sync=skip"` sets
//! them: `abort`, `error`, `skip`, `sleep:MS`, each from the N-th passing on (`@N`), `error` and `abort` at that one only.

/// Passes a point: `Ok(false)` asks to leave the step out.
///
/// # Errors
/// Where one is injected.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub(crate) fn pass(_name: &str) -> std::io::Result<bool> {
    Ok(true)
}

#[cfg(feature = "failpoints")]
pub(crate) use set::pass;

#[cfg(feature = "failpoints")]
mod set {
    use std::collections::HashMap;
    use std::io::{Error, Result};
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    struct Point {
        action: String,
        from: u64,
        passed: AtomicU64,
    }

    static POINTS: LazyLock<HashMap<String, Point>> =
        LazyLock::new(|| read(&std::env::var("FAILPOINTS").unwrap_or_default()));

    fn read(text: &str) -> HashMap<String, Point> {
        let points = text.split(';').filter_map(|one| one.split_once('='));
        let points = points.map(|(name, what)| {
            let (action, from) = what.split_once('@').unwrap_or((what, "1"));
            let point = Point {
                action: action.trim().to_owned(),
                from: from.trim().parse().unwrap_or(1),
                passed: AtomicU64::new(0),
            };
            (name.trim().to_owned(), point)
        });
        points.collect()
    }

    pub(crate) fn pass(name: &str) -> Result<bool> {
        let Some(point) = POINTS.get(name) else {
            return Ok(true);
        };
        let passing = point.passed.fetch_add(1, Ordering::Relaxed) + 1;
        if passing < point.from {
            return Ok(true);
        }
        act(name, point, passing)
    }

    fn act(name: &str, point: &Point, passing: u64) -> Result<bool> {
        let once = passing == point.from;
        match point.action.as_str() {
            "abort" if once => {
                eprintln!("failpoint {name} hit");
                std::process::abort();
            }
            "error" if once => {
                eprintln!("failpoint {name} hit");
                Err(Error::other(format!("injected at {name}")))
            }
            "skip" => {
                if once {
                    eprintln!("failpoint {name} hit");
                }
                Ok(false)
            }
            other => {
                if let Some(pause_ms) = other.strip_prefix("sleep:").and_then(|ms| ms.parse().ok())
                {
                    std::thread::sleep(std::time::Duration::from_millis(pause_ms));
                }
                Ok(true)
            }
        }
    }
}

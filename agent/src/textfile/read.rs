//! One text file to the series and values in it: whole, or refused with the reason. Bounded in bytes; never waits for a
//! writer, as it would on a pipe.

use std::collections::HashSet;
use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::SystemTime;

use rustix::fs::OFlags;
use weir_aggregate::Labels;
use weir_wire::SeriesKey;
use weir_wire::exposition::{self, Format, Measured};

/// A longer file is refused.
pub(super) const MAX_FILE_BYTES: u64 = 4 << 20;

pub(super) struct File {
    pub(super) samples: Vec<(SeriesKey, f64)>,
    /// Samples that are left out: frames carry numbers only, no NaN and no infinity.
    pub(super) not_finite: usize,
    pub(super) modified: SystemTime,
}

/// # Errors
/// Why nothing of it is taken, in words for a log.
pub(super) fn file(path: &Path, labels: &Labels) -> Result<File, String> {
    let (text, modified) = bytes(path).map_err(|error| error.to_string())?;
    if text.len() as u64 > MAX_FILE_BYTES {
        return Err(format!("longer than {MAX_FILE_BYTES} bytes"));
    }
    let mut samples = samples(&text, labels)?;
    let all = samples.len();
    samples.retain(|(_, value)| value.is_finite());
    Ok(File {
        not_finite: all - samples.len(),
        samples,
        modified,
    })
}

/// One byte more than is allowed where there are too many.
fn bytes(path: &Path) -> std::io::Result<(Vec<u8>, SystemTime)> {
    let no_waiting = OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(no_waiting)
        .open(path)?;
    let about = file.metadata()?;
    if !about.is_file() {
        return Err(std::io::Error::other("no regular file"));
    }
    let mut text = Vec::new();
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut text)?;
    Ok((text, about.modified()?))
}

fn samples(text: &[u8], labels: &Labels) -> Result<Vec<(SeriesKey, f64)>, String> {
    let families = exposition::parse(text, Format::Text).map_err(|error| error.to_string())?;
    let (mut samples, mut seen) = (Vec::new(), HashSet::new());
    for sample in families.iter().flat_map(|family| &family.samples) {
        if sample.timestamp_ms.is_some() {
            return Err("contains unsupported client-side timestamps".to_owned());
        }
        let Measured::Float(value) = sample.value else {
            continue;
        };
        let own = exposition::series_key(sample, &[]).map_err(|invalid| invalid.text)?;
        let key = labels
            .put_on(&own, "")
            .map_err(|reason| format!("{own}: {reason}"))?;
        if !seen.insert(key.clone()) {
            return Err(format!("{own} is in it twice"));
        }
        samples.push((key, value));
    }
    Ok(samples)
}

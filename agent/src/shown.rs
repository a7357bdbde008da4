//! `weir-agent config`: every key with the value that holds and where that was said, as TOML that can be used again. Shows no
//! secrets.

use weir_config::Said;

/// Keys whose values are nobody's business.
const SECRET: [&str; 1] = ["token"];
const HIDDEN: &str = "\"(hidden)\"";
/// Places stand in a column as far as values are short.
const COLUMN: usize = 44;

/// The page.
#[must_use]
pub(crate) fn page(effective: &[Said]) -> String {
    let mut page = String::new();
    for Said { key, value, place } in effective {
        let is_secret = SECRET.contains(&key.as_str()) && value != "\"\"";
        let value = if is_secret { HIDDEN } else { value };
        let place = place.as_deref().unwrap_or("default");
        let setting = format!("{key} = {value}");
        page.push_str(&format!("{setting:COLUMN$} # {place}\n"));
    }
    page
}

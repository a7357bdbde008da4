//! Label names that an old alphabet has to carry: Prometheus' "values" escaping (prometheus.io, "UTF-8 in Prometheus"),
//! `U__` in front, `__` for an underscore and `_<hex>_` for any other character.

/// The name that was escaped; `None` where it does not follow the rules, the name itself where it is not escaped.
#[must_use]
pub fn unescape_name(name: &str) -> Option<String> {
    let Some(mut rest) = name.strip_prefix("U__") else {
        return Some(name.to_owned());
    };
    let mut out = String::with_capacity(rest.len());
    while let Some((plain, escape)) = rest.split_once('_') {
        out.push_str(plain);
        let (hex, after) = escape.split_once('_')?;
        if hex.is_empty() {
            out.push('_');
        } else {
            out.push(code_point(hex)?);
        }
        rest = after;
    }
    out.push_str(rest);
    Some(out)
}

fn code_point(hex: &str) -> Option<char> {
    let digits = hex.len() <= 6 && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = u32::from_str_radix(hex, 16).ok().filter(|_| digits)?;
    char::from_u32(number)
}

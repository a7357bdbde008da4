//! What every section's values have in common: addresses, and least values, refused with their key.

use std::net::SocketAddr;
use std::time::Duration;

use weir_config::{ConfigError, DurationText, SizeText};

/// Empty for a port that is off.
pub(super) fn address_if_any(
    key: &'static str,
    text: &str,
) -> Result<Option<SocketAddr>, ConfigError> {
    match text {
        "" => Ok(None),
        text => address(key, text).map(Some),
    }
}

pub(super) fn address(key: &str, text: &str) -> Result<SocketAddr, ConfigError> {
    text.parse().map_err(|_| {
        invalid(
            key,
            format!("{text:?} is no address; write it as \"127.0.0.1:9347\" or \"[::1]:9347\""),
        )
    })
}

pub(super) fn at_least(
    key: &str,
    read: DurationText,
    least: Duration,
) -> Result<Duration, ConfigError> {
    if read.0 >= least {
        return Ok(read.0);
    }
    Err(invalid(
        key,
        format!("{:?} is too short; the least is {least:?}", read.0),
    ))
}

pub(super) fn at_least_bytes(key: &str, read: SizeText, least: u64) -> Result<u64, ConfigError> {
    if read.0 >= least {
        return Ok(read.0);
    }
    Err(invalid(
        key,
        format!("{} is too little; the least is {least}", read.0),
    ))
}

pub(super) fn some(key: &str, number: usize) -> Result<usize, ConfigError> {
    if number > 0 {
        return Ok(number);
    }
    Err(invalid(
        key,
        "0 would take nothing; give 1 or more".to_owned(),
    ))
}

pub(super) fn invalid(key: &str, reason: String) -> ConfigError {
    ConfigError::Invalid {
        place: key.to_owned(),
        reason,
    }
}

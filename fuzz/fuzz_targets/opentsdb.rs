//! A line of OpenTSDB's telnet-style protocol.
#![no_main]

use libfuzzer_sys::fuzz_target;
use weir_wire::opentsdb::{self, Command, Rules};

fuzz_target!(|line: &[u8]| {
    for require_tags in [true, false] {
        match opentsdb::parse(line, Rules { require_tags }) {
            Ok(Some(Command::Put(put))) => {
                assert!(put.value.is_finite() && put.timestamp_ms > 0);
                let _ = opentsdb::series_key(put.identity).map_err(|fault| fault.to_string());
            }
            Ok(Some(Command::Unknown(word))) => drop(opentsdb::unknown_command(word)),
            Ok(_) => {}
            Err(fault) => drop(fault.to_string()),
        }
    }
});

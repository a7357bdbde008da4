//! How long queries take over one kept-alive connection: one series over the span, a different one each time, and a sum
//! over the whole fleet by region. An answer that is not whole is an error, not a fast answer.

use std::time::Instant;

use anyhow::{Result, ensure};

use super::figures::quantile;
use crate::fleet::Shape;
use crate::fleet::names::{Host, METRICS};
use crate::http::Client;
use crate::report::number;
use crate::server::{Dialect, Running, Span, ask, points};

const ONE_REPEATS: u64 = 200;
const REGION_REPEATS: usize = 20;
const REGIONS: usize = 5;
const WARM_UP: usize = 2;

/// In milliseconds.
#[derive(Debug, Clone)]
pub(super) struct Latency {
    pub(super) one_p50: f64,
    one_p99: f64,
    pub(super) region_p50: f64,
    region_p99: f64,
}

impl Latency {
    pub(super) fn cells(&self) -> String {
        let [a, b, c, d] =
            [self.one_p50, self.one_p99, self.region_p50, self.region_p99].map(number);
        format!("{a}/{b}; {c}/{d}")
    }
}

pub(super) fn measure(
    running: &Running,
    dialect: Dialect,
    shape: &Shape,
    span: Span,
) -> Result<Latency> {
    let mut client = running.client()?;
    let hosts = shape.series / METRICS as u64;
    let one = (0..ONE_REPEATS + WARM_UP as u64).map(|place| {
        let host = Host::new(shape.host_base + place * 7 % hosts);
        dialect.one_series(place as usize * 13 % METRICS, &host.name, span)
    });
    let one = timed(&mut client, one, shape.rounds as usize)?;
    let series = match dialect {
        Dialect::InfluxQl => REGIONS * METRICS,
        _ => REGIONS,
    };
    let region = std::iter::repeat_n(dialect.by_region(span), REGION_REPEATS + WARM_UP);
    let region = timed(&mut client, region, series * shape.rounds as usize)?;
    Ok(Latency {
        one_p50: quantile(&one, 0.5),
        one_p99: quantile(&one, 0.99),
        region_p50: quantile(&region, 0.5),
        region_p99: quantile(&region, 0.99),
    })
}

fn timed(
    client: &mut Client,
    paths: impl Iterator<Item = String>,
    whole: usize,
) -> Result<Vec<f64>> {
    let mut times_ms = Vec::new();
    for path in paths {
        let start = Instant::now();
        let body = ask(client, &path)?;
        times_ms.push(start.elapsed().as_secs_f64() * 1e3);
        let found = points(&body)?;
        ensure!(
            found == whole,
            "{found} points instead of {whole} from {path}"
        );
    }
    Ok(times_ms.split_off(WARM_UP))
}

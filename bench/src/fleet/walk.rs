//! The values: of a host's 100 metrics 50 are random walks with two decimals, 40 are counters, 10 stay as they are.
//! A value depends on the seed, the host, the metric and the round, never on the connection or the clock.

use super::names::METRICS;

const GAUGE_START: u64 = 10_000;
const OTHER_START: u64 = 1_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Gauge,
    Counter,
    Constant,
}

const fn kind(metric: usize) -> Kind {
    match metric % 10 {
        0..5 => Kind::Gauge,
        5..9 => Kind::Counter,
        _ => Kind::Constant,
    }
}

/// One value, exact: gauges are counted in hundredths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    Hundredths(u64),
    Whole(u64),
}

impl Reading {
    pub(crate) fn as_f64(self) -> f64 {
        match self {
            Self::Hundredths(value) => value as f64 / 100.0,
            Self::Whole(value) => value as f64,
        }
    }

    /// As text: gauges always with two decimals.
    pub(crate) fn put(self, out: &mut Vec<u8>) {
        match self {
            Self::Hundredths(value) => {
                put_decimal(out, value / 100);
                let cents = (value % 100) as u8;
                out.extend([b'.', b'0' + cents / 10, b'0' + cents % 10]);
            }
            Self::Whole(value) => put_decimal(out, value),
        }
    }
}

pub(crate) fn put_decimal(out: &mut Vec<u8>, mut value: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// Where the series of some hosts stand.
#[derive(Debug)]
pub(crate) struct Walk {
    seed: u64,
    round: u64,
    values: Vec<u64>,
}

impl Walk {
    pub(crate) fn new(seed: u64, hosts: impl Iterator<Item = u64>) -> Self {
        let start = |host: u64, metric: usize| {
            let span = match kind(metric) {
                Kind::Gauge => GAUGE_START,
                Kind::Counter | Kind::Constant => OTHER_START,
            };
            mix((seed * 77).wrapping_add(host * METRICS as u64 + metric as u64)) % span
        };
        let values = hosts.flat_map(|host| (0..METRICS).map(move |metric| start(host, metric)));
        Self {
            seed,
            round: 0,
            values: values.collect(),
        }
    }

    /// The next value of the series at `index`, which is this host's metric.
    pub(crate) fn step(&mut self, index: usize, host: u64, metric: usize) -> Reading {
        let key = host * METRICS as u64 + metric as u64 + self.seed;
        let random = mix(key.wrapping_mul(1_000_003).wrapping_add(self.round));
        let value = &mut self.values[index];
        match kind(metric) {
            Kind::Gauge => {
                *value = (*value as i64 + (random % 401) as i64 - 200).unsigned_abs();
                Reading::Hundredths(*value)
            }
            Kind::Counter => {
                *value += if random.is_multiple_of(8) {
                    0
                } else {
                    random % 5_000
                };
                Reading::Whole(*value)
            }
            Kind::Constant => Reading::Whole(*value),
        }
    }

    pub(crate) fn end_round(&mut self) {
        self.round += 1;
    }
}

/// SplitMix64's finalizer: a number of a number, well scattered.
const fn mix(number: u64) -> u64 {
    let mut x = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

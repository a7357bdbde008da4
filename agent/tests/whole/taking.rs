//! A gateway made of the real frame codec that takes and acknowledges everything, and an agent that is fed to it.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use weir_agent::app::Clock;
use weir_agent::config::Config;
use weir_wire::SeriesKey;
use weir_wire::frame::{self, Ack, Frame, Inbox, VERSION, Welcome};

/// How long a test waits for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A sample as it arrived.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Arrived {
    /// `name{label="value"}`
    pub(crate) series: String,
    pub(crate) timestamp_ms: i64,
    pub(crate) value: f64,
}

/// What came over a connection, in order.
#[derive(Debug)]
enum Said {
    Hello(String),
    Sample(Arrived),
    Goodbye,
}

/// Takes from as many sessions as come, until it is dropped.
pub(crate) struct Gateway {
    pub(crate) address: String,
    said: Receiver<Said>,
    kept: VecDeque<Arrived>,
    pub(crate) hellos: Vec<String>,
    pub(crate) goodbyes: usize,
}

impl Gateway {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (tell, said) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let tell = tell.clone();
                std::thread::spawn(move || serve(stream, &tell));
            }
        });
        Self {
            address,
            said,
            kept: VecDeque::new(),
            hellos: Vec::new(),
            goodbyes: 0,
        }
    }

    fn hear(&mut self, patience: Duration) -> bool {
        match self.said.recv_timeout(patience) {
            Ok(Said::Hello(host)) => self.hellos.push(host),
            Ok(Said::Sample(sample)) => self.kept.push_back(sample),
            Ok(Said::Goodbye) => self.goodbyes += 1,
            Err(_) => return false,
        }
        true
    }

    /// The first sample from now on, or kept, of a series as it is written; others before it are dropped.
    pub(crate) fn wait_for(&mut self, series: &str) -> Arrived {
        let deadline = Instant::now() + PATIENCE;
        let mut others = Vec::new();
        loop {
            while let Some(sample) = self.kept.pop_front() {
                if sample.series == series {
                    return sample;
                }
                others.push(sample.series);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(self.hear(left), "{series} did not come, but {others:#?}");
        }
    }

    /// Waits until a series has a value.
    pub(crate) fn wait_until(&mut self, series: &str, value: f64) -> Arrived {
        loop {
            let sample = self.wait_for(series);
            if sample.value.to_bits() == value.to_bits() {
                return sample;
            }
        }
    }

    /// Everything until the agent said goodbye.
    pub(crate) fn rest(&mut self) -> Vec<Arrived> {
        while self.goodbyes == 0 {
            assert!(self.hear(PATIENCE), "no goodbye");
        }
        self.kept.drain(..).collect()
    }
}

fn serve(mut stream: TcpStream, tell: &Sender<Said>) {
    let (mut inbox, mut dictionary) = (Inbox::default(), Vec::<SeriesKey>::new());
    let mut bytes = [0; 16_384];
    loop {
        let frame = match inbox.take().unwrap() {
            Some(frame) => frame,
            None => match stream.read(&mut bytes) {
                Ok(read) if read > 0 => {
                    inbox.room().extend_from_slice(&bytes[..read]);
                    continue;
                }
                _ => return,
            },
        };
        let mut answer = Vec::new();
        match frame {
            Frame::Hello(hello) => {
                let _ = tell.send(Said::Hello(hello.agent));
                let welcome = Welcome {
                    version: VERSION,
                    last_sequence: 0,
                };
                frame::encode(&Frame::Welcome(welcome), &mut answer);
            }
            Frame::Batch(batch) => {
                dictionary.extend(batch.new_series.iter().map(|key| key.to_key()));
                for (id, timestamp_ms, value) in batch.floats.iter() {
                    let _ = tell.send(Said::Sample(Arrived {
                        series: dictionary[id as usize].to_string(),
                        timestamp_ms,
                        value,
                    }));
                }
                let ack = Ack {
                    sequence: batch.sequence,
                    load_permille: 0,
                };
                frame::encode(&Frame::Ack(ack), &mut answer);
            }
            Frame::Goodbye => {
                let _ = tell.send(Said::Goodbye);
            }
            _ => {}
        }
        if stream.write_all(&answer).is_err() {
            return;
        }
    }
}

pub(crate) fn wall_clock() -> Clock {
    Arc::new(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        since.unwrap().as_millis() as i64
    })
}

/// The arguments that make an agent small and quick, and send to this gateway.
pub(crate) fn sets(gateway: &Gateway, more: &[&str]) -> Vec<String> {
    let mut sets = vec![
        format!("gateways=[\"{}\"]", gateway.address),
        "host=web01".to_owned(),
        "statsd.listen=127.0.0.1:0".to_owned(),
        "status.listen=127.0.0.1:0".to_owned(),
        format!("collectors.disabled={:?}", weir_agent::collect::NAMES),
    ];
    sets.extend(more.iter().map(|set| (*set).to_owned()));
    sets
}

/// The same as a configuration, with intervals of a tenth of a second.
pub(crate) fn config(gateway: &Gateway, more: &[&str]) -> Config {
    let config = Config::load(None, std::iter::empty(), &sets(gateway, more)).unwrap();
    Config {
        interval: Duration::from_millis(100),
        ..config
    }
}

/// A page of the agent's status port, headers and all.
pub(crate) fn get(address: std::net::SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

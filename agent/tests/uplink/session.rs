//! A gateway's side of a session, by the real frame codec.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use weir_wire::SeriesKey;
use weir_wire::frame::{self, Batch, Frame, Hello, Inbox, VERSION, Welcome};

/// One session, seen from the gateway.
pub(crate) struct Session {
    pub(crate) stream: TcpStream,
    inbox: Inbox,
    pub(crate) dictionary: Vec<SeriesKey>,
    pub(crate) hello: Hello,
}

impl Session {
    pub(crate) fn accept(listener: &TcpListener, last_sequence: u64) -> Self {
        let mut session = Self::accept_silently(listener);
        session.say(&Frame::Welcome(Welcome {
            version: VERSION,
            last_sequence,
        }));
        session
    }

    pub(crate) fn accept_silently(listener: &TcpListener) -> Self {
        let (stream, _) = listener.accept().unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let hello = Hello {
            version: 0,
            token: String::new(),
            agent: String::new(),
            boot: 0,
            interval_ms: 0,
            labels: Vec::new(),
        };
        let mut session = Self {
            stream,
            inbox: Inbox::default(),
            dictionary: Vec::new(),
            hello,
        };
        match session.next() {
            Some(Frame::Hello(hello)) => session.hello = hello,
            other => panic!("{other:?}"),
        }
        session
    }

    pub(crate) fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.inbox.take().unwrap() {
                return Some(frame);
            }
            let mut bytes = [0; 4_096];
            let read = self.stream.read(&mut bytes).unwrap();
            if read == 0 {
                return None;
            }
            self.inbox.room().extend_from_slice(&bytes[..read]);
        }
    }

    /// The next batch, heartbeats passed over.
    pub(crate) fn batch(&mut self) -> Batch {
        loop {
            match self.next() {
                Some(Frame::Batch(batch)) => {
                    if !batch.new_series.is_empty() {
                        let first = batch.first_id as usize;
                        assert_eq!(first, self.dictionary.len(), "ids are dense");
                    }
                    let new = batch.new_series.iter();
                    self.dictionary.extend(new.map(|key| key.to_key()));
                    return batch;
                }
                Some(Frame::Heartbeat) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    pub(crate) fn values(&self, batch: &Batch, name: &str) -> Vec<f64> {
        let named = batch.floats.iter();
        let named = named.filter(|(id, ..)| self.dictionary[*id as usize].name() == name);
        named.map(|(.., value)| value).collect()
    }

    pub(crate) fn say(&mut self, frame: &Frame) {
        let mut bytes = Vec::new();
        frame::encode(frame, &mut bytes);
        self.stream.write_all(&bytes).unwrap();
    }
}

//! A batch a request, the next after the answer; a refusal is noted and the rest still sent.

use anyhow::Result;

use super::{Channel, PATIENCE, Sent, Target};
use crate::fleet::Protocol;
use crate::http::Client;

const REMOTE_WRITE: &str = "Content-Type: application/x-protobuf\r\nContent-Encoding: snappy\r\n\
                            X-Prometheus-Remote-Write-Version: 0.1.0\r\n";
const MAX_COMPLAINTS: usize = 3;

pub(super) struct Requests {
    client: Client,
    path: String,
    headers: &'static str,
    sent: Sent,
}

impl Requests {
    pub(super) fn connect(target: &Target) -> Result<Self> {
        Ok(Self {
            client: Client::connect(target.address, PATIENCE)?,
            path: target.path.clone(),
            headers: match target.protocol {
                Protocol::RemoteWrite => REMOTE_WRITE,
                _ => "",
            },
            sent: Sent::default(),
        })
    }
}

impl Channel for Requests {
    fn send(&mut self, bytes: &[u8], samples: u64) -> Result<()> {
        let answer = self.client.post(&self.path, self.headers, bytes)?;
        self.sent.samples += samples;
        if answer.is_success() {
            self.sent.accepted += samples;
        } else if self.sent.complaints.len() < MAX_COMPLAINTS {
            let complaint = format!("{} {}", answer.status, answer.text().trim());
            self.sent.complaints.push(complaint);
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<Sent> {
        Ok(self.sent)
    }
}

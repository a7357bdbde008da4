//! Graphite's pickles over TCP: lists of points, each list behind its length. Nothing of a pickle is executed. A payload that
//! cannot be read ends its connection, since what follows it cannot be trusted to be where it seems.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use weir_store::Clock;
use weir_wire::{Reject, graphite::Line, pickle};

use super::accept::{Entry, accept};
use super::intake::Intake;
use super::last_reads::LastReads;
use super::stranger::Stranger;
use crate::access::{Connection, Door};
use crate::admission::Admission;

const PROTOCOL: &str = "graphite_pickle";
const READ_BYTES: usize = 64 << 10;
const SPEAKS: &str = "Graphite's pickles";

/// The listener.
pub struct PickleTcp {
    pub listener: TcpListener,
    pub admission: Admission,
    pub clock: Clock,
    pub max_connections: usize,
    pub(crate) door: Door,
}

impl PickleTcp {
    /// Serves until told to stop; then connections get to store what they have read.
    pub async fn run(self, shutdown: CancellationToken) {
        let (admission, clock) = (self.admission, self.clock);
        let entry = Entry {
            door: self.door,
            admission: admission.clone(),
            protocol: PROTOCOL,
            max_connections: self.max_connections,
        };
        accept(
            self.listener,
            entry,
            shutdown,
            move |connection, sender, shutdown| {
                let intake = Intake::new(sender, admission.clone(), Arc::clone(&clock)).mapped();
                serve(connection, intake, shutdown)
            },
        )
        .await;
    }
}

async fn serve(mut stream: Connection, mut intake: Intake, shutdown: CancellationToken) {
    let (mut buffer, mut first) = (Vec::with_capacity(READ_BYTES), true);
    let mut reads = LastReads::new(shutdown);
    while let Some(Ok(1..)) = reads.or_end(stream.read_buf(&mut buffer)).await {
        if std::mem::take(&mut first)
            && let Some(stranger) = Stranger::on_binary(&buffer)
        {
            intake.refuse(Reject::Malformed, 1);
            tracing::warn!(
                "{PROTOCOL} from {} was refused: {}",
                intake.sender().source(),
                stranger.complaint(SPEAKS)
            );
            let _ = stream.write_all(&stranger.answer(SPEAKS)).await;
            break;
        }
        let taken = take(&mut buffer, &mut intake);
        buffer.reserve(READ_BYTES);
        intake.store().await;
        if let Err(reason) = taken {
            intake.refuse(reason, 1);
            tracing::warn!(
                "a connection's pickle was refused ({reason}), and the connection closed"
            );
            break;
        }
    }
    intake.all_stored().await;
    // TLS has a goodbye of its own; who has left does not hear it.
    let _ = stream.shutdown().await;
}

/// Takes every whole payload off the front. At most one payload and a read's bytes are kept.
fn take(buffer: &mut Vec<u8>, intake: &mut Intake) -> Result<(), Reject> {
    let mut rest = buffer.as_slice();
    let taken = loop {
        match pickle::payload(rest) {
            Ok(Some((payload, bytes))) => {
                if let Err(reason) = points(payload, intake) {
                    break Err(reason);
                }
                rest = &rest[bytes..];
            }
            Ok(None) => break Ok(()),
            Err(reason) => break Err(reason),
        }
    };
    let behind = buffer.len() - rest.len();
    buffer.drain(..behind);
    taken
}

fn points(payload: &[u8], intake: &mut Intake) -> Result<(), Reject> {
    for point in pickle::parse(payload)?.points() {
        let taken = point.and_then(|point| {
            intake.line(&Line {
                identity: &point.path,
                timestamp_ms: point.timestamp_ms,
                value: point.value,
            })
        });
        if let Err(reason) = taken {
            intake.refuse(reason, 1);
        }
    }
    Ok(())
}

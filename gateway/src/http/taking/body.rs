//! The one way to take a request's body, for every protocol: bounded in bytes and time, all bodies together bounded in memory,
//! unpacked without trusting what they say of themselves. A sender that trickles holds little, and not for long; what is
//! not taken is counted.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use weir_wire::Reject;

use super::unpack::{Encoding, Unpack};
use crate::admission::{Dropped, Sender};

/// Without a byte for so long a body is given up.
const SILENCE: Duration = Duration::from_secs(10);
/// A body that is not whole after so long is given up.
const WHOLE: Duration = Duration::from_secs(120);
/// What the bodies of all requests may hold together, in units.
const UNIT_BYTES: usize = 64 << 10;
const UNITS: usize = (256 << 20) / UNIT_BYTES;

/// Bounds on bodies, and the memory for them.
pub(super) struct Bodies {
    /// The most that one may be, as it comes and unpacked.
    max_bytes: usize,
    room: Arc<Semaphore>,
}

/// How a body is packed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Packing {
    /// As `Content-Encoding` says.
    AsSaid,
    Always(Encoding),
}

/// Why there is no body.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoBody {
    #[error("the body has more than {0} bytes (http.max_write): send fewer samples in one request")]
    TooLarge(usize),
    #[error("the body did not come: {0:?} without a byte, or not whole after {1:?}")]
    TooSlow(Duration, Duration),
    #[error("the body ended early: {0}")]
    Broken(String),
    #[error("too many bytes of writes are on their way at once; send it again")]
    NoRoom,
    #[error(transparent)]
    Packed(#[from] Unpack),
}

impl NoBody {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::TooLarge(_) | Self::Packed(Unpack::TooLarge(_)) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow(..) => StatusCode::REQUEST_TIMEOUT,
            Self::NoRoom => StatusCode::SERVICE_UNAVAILABLE,
            Self::Packed(Unpack::UnknownEncoding(_)) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Broken(_) | Self::Packed(Unpack::Damaged(_)) => StatusCode::BAD_REQUEST,
        }
    }

    fn count(&self, sender: &Sender) {
        match self {
            Self::TooLarge(_) | Self::Packed(Unpack::TooLarge(_)) => {
                sender.refuse(Reject::TooLong, 1);
            }
            Self::NoRoom => sender.lose(Dropped::Queue, 1),
            _ => sender.refuse(Reject::Malformed, 1),
        }
    }
}

impl Bodies {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self {
            max_bytes,
            room: Arc::new(Semaphore::new(UNITS)),
        }
    }

    /// Reads and unpacks a request's body and hands it to `take`. That does not wait, so there are never more unpacked
    /// bodies than threads; both forms are gone when this returns.
    ///
    /// # Errors
    /// [`NoBody`]; it is counted then.
    pub(super) async fn take<T>(
        &self,
        sender: &Sender,
        packing: Packing,
        request: Request,
        take: impl FnOnce(&[u8]) -> T,
    ) -> Result<T, NoBody> {
        let (head, body) = request.into_parts();
        let read = async {
            let encoding = match packing {
                Packing::AsSaid => Encoding::of(&head.headers)?,
                Packing::Always(encoding) => encoding,
            };
            let held = self.read(&head.headers, body).await?;
            let mut room = Vec::new();
            let plain = encoding.unpack(&held.bytes, self.max_bytes, &mut room)?;
            Ok(take(plain))
        };
        read.await.inspect_err(|why: &NoBody| why.count(sender))
    }

    /// One that says it is longer than is taken is refused before a byte is kept.
    async fn read(&self, headers: &HeaderMap, body: Body) -> Result<Held, NoBody> {
        let declared = text(headers, header::CONTENT_LENGTH).parse().unwrap_or(0);
        if declared > self.max_bytes {
            return Err(NoBody::TooLarge(self.max_bytes));
        }
        // What is claimed is believed for a unit only; the rest of the room is taken as bytes come.
        let mut held = Held {
            bytes: Vec::with_capacity(declared.min(UNIT_BYTES)),
            permit: None,
        };
        let filled = self.fill(&mut held, body, declared);
        match tokio::time::timeout(WHOLE, filled).await {
            Err(_) => Err(NoBody::TooSlow(SILENCE, WHOLE)),
            Ok(filled) => filled.map(|()| held),
        }
    }

    async fn fill(&self, held: &mut Held, mut body: Body, declared: usize) -> Result<(), NoBody> {
        let slow = |_| NoBody::TooSlow(SILENCE, WHOLE);
        loop {
            let frame = tokio::time::timeout(SILENCE, body.frame()).await;
            let Some(frame) = frame.map_err(slow)? else {
                return Ok(());
            };
            let frame = frame.map_err(|error| NoBody::Broken(error.to_string()))?;
            let Some(bytes) = frame.data_ref() else {
                continue;
            };
            let length = held.bytes.len() + bytes.len();
            if length > self.max_bytes {
                return Err(NoBody::TooLarge(self.max_bytes));
            }
            self.make_room(held, length, declared)?;
            held.bytes.extend_from_slice(bytes);
        }
    }

    fn make_room(&self, held: &mut Held, length: usize, declared: usize) -> Result<(), NoBody> {
        if length <= held.bytes.capacity() {
            return Ok(());
        }
        // Doubled, but never past what was declared where that is more than is there already.
        let doubled = length.max(2 * held.bytes.capacity());
        let wanted = match declared >= length {
            true => doubled.min(declared),
            false => doubled,
        };
        let has = held.permit.as_ref();
        let has = has.map_or(0, OwnedSemaphorePermit::num_permits);
        let more = wanted.div_ceil(UNIT_BYTES).saturating_sub(has);
        let more = Arc::clone(&self.room)
            .try_acquire_many_owned(u32::try_from(more).unwrap_or(u32::MAX))
            .map_err(|_| NoBody::NoRoom)?;
        match &mut held.permit {
            Some(permit) => permit.merge(more),
            None => held.permit = Some(more),
        }
        held.bytes.reserve_exact(wanted - held.bytes.len());
        Ok(())
    }
}

/// A body; its room is free again when it is dropped.
struct Held {
    bytes: Vec<u8>,
    permit: Option<OwnedSemaphorePermit>,
}

/// A header's text; empty where there is none.
pub(super) fn text(headers: &HeaderMap, name: impl header::AsHeaderName) -> &str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("")
        .trim()
}

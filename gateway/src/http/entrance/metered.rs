//! A body whose bytes are taken from its sender's rate as they are read, whatever its head says of their number. Refuses
//! nothing itself: the next request finds the debt.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes, HttpBody};
use http_body::{Frame, SizeHint};
use weir_store::Clock;

use crate::admission::Sender;

pub(super) struct Metered {
    body: Body,
    sender: Sender,
    now: Clock,
}

impl Metered {
    pub(super) fn new(body: Body, sender: Sender, now: Clock) -> Self {
        Self { body, sender, now }
    }
}

impl HttpBody for Metered {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if let Some(Ok(data)) = frame
            .as_ref()
            .map(|frame| frame.as_ref().map(Frame::data_ref))
        {
            let bytes = data.map_or(0, Bytes::len);
            self.sender.owe_bytes(bytes as u64, (self.now)());
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

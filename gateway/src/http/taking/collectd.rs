//! `POST /collectd`: what collectd's plugin write_http posts with `Format "JSON"`. Answered 204 once it is on disk, or 400
//! with what was wrong, the rest stored.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use weir_wire::collectd::{self, ValueList};
use weir_wire::graphite::Keys;
use weir_wire::{Invalid, varint};

use super::Taking;
use super::body::Packing;
use super::refusal::{Faults, Refusal};
use crate::http::Caller;
use crate::listen::intake::Intake;
use crate::listen::names::Names;

pub(super) const PROTOCOL: &str = "collectd";

pub(super) async fn write(
    State(taking): State<Arc<Taking>>,
    caller: Caller,
    request: Request,
) -> Response {
    let sender = taking.collectd.sender(&caller);
    let bodies = &taking.bodies;
    let read = bodies.take(&sender, Packing::AsSaid, request, |json| {
        let mut intake = taking.collectd.take(&sender);
        let read = read(json, &mut intake);
        (intake, read)
    });
    let (mut intake, read) = match read.await {
        Ok(read) => read,
        Err(why) => return Refusal::from(why).into_response(),
    };
    let response = match read {
        Ok(faults) => settle(&mut intake, faults).await,
        Err(invalid) => Refusal::from(invalid).into_response(),
    };
    taking.collectd.give_back(intake);
    response
}

async fn settle(intake: &mut Intake, mut faults: Faults) -> Response {
    match intake.deliver().await {
        Ok(delivered) => faults.add_delivered(&delivered),
        Err(error) => return Refusal::from(&error).into_response(),
    }
    match faults.is_empty() {
        true => StatusCode::NO_CONTENT.into_response(),
        false => Refusal::new(faults.status(), faults.text()).into_response(),
    }
}

fn read(json: &[u8], intake: &mut Intake) -> Result<Faults, Invalid> {
    let lists = collectd::parse(json).inspect_err(|why| intake.refuse(why.reject, 1))?;
    let (mut faults, mut name) = (Faults::default(), Vec::new());
    for list in lists {
        let taken = list.and_then(|list| put(intake, &list, &mut name));
        if let Err(why) = taken {
            faults.add(&why, 1, intake);
        }
    }
    Ok(faults)
}

fn put(intake: &mut Intake, list: &ValueList<'_>, name: &mut Vec<u8>) -> Result<(), Invalid> {
    for (source, value) in list.values.iter().enumerate() {
        let Some(value) = value else { continue };
        put_name(list, source, name);
        let key =
            |keys: &mut Keys| collectd::series_key(list, source).map(|key| keys.push_key(&key));
        let at_ms = Some(list.timestamp_ms());
        intake.float(Names::hash(name), key, at_ms, *value)?;
    }
    Ok(())
}

/// Bytes that are the same whenever this source is sent.
fn put_name(list: &ValueList<'_>, source: usize, out: &mut Vec<u8>) {
    out.clear();
    let parts = [
        &list.host,
        &list.plugin,
        &list.plugin_instance,
        &list.kind,
        &list.type_instance,
        &list.dsnames[source],
        &list.dstypes[source],
    ];
    for part in parts {
        varint::put_bytes(out, part.as_bytes());
    }
}

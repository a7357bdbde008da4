//! The protobuf request: resources, scopes, metrics, and the walk through them.

use super::attributes;
use super::convert::{self, Shape};
use super::names::metric_name;
use super::points::{Metric, Point, Rules, Source, Temporality, translate};
use crate::protobuf::{Damaged, Field, Fields};
use crate::{Invalid, Kind, Reject};

/// A request with more resources, scopes, metrics and points in all is refused.
pub const MAX_ENTRIES: usize = 500_000;

/// Reads a request and gives each of its points, or why it was refused, to `sink`, in their order.
///
/// # Errors
/// The message itself is damaged or passes [`MAX_ENTRIES`]: answer 400 and store nothing of what the sink was given.
pub fn parse(
    message: &[u8],
    rules: &Rules,
    sink: impl FnMut(Result<Point<'_>, Invalid>),
) -> Result<(), Invalid> {
    let mut walk = Walk {
        rules,
        sink,
        entries: 0,
    };
    for field in Fields::of(message) {
        let field = field?;
        if field.number == 1 {
            walk.resource(&field)?;
        }
    }
    Ok(())
}

struct Walk<'r, S> {
    rules: &'r Rules,
    sink: S,
    entries: usize,
}

impl<S: FnMut(Result<Point<'_>, Invalid>)> Walk<'_, S> {
    fn entry(&mut self) -> Result<(), Invalid> {
        self.entries += 1;
        if self.entries <= MAX_ENTRIES {
            return Ok(());
        }
        let text =
            format!("more than {MAX_ENTRIES} resources, scopes, metrics and points in one request");
        Err(Invalid::new(Reject::OverLimit, text))
    }

    fn resource(&mut self, field: &Field<'_>) -> Result<(), Invalid> {
        self.entry()?;
        let mut source = Source::default();
        for part in field.message()? {
            let part = part?;
            if part.number == 1 {
                source = resource_labels(part.bytes()?, self.rules)?;
            }
        }
        for part in field.message()? {
            let part = part?;
            if part.number == 2 {
                self.scope(&part, &source)?;
            }
        }
        Ok(())
    }

    fn scope(&mut self, field: &Field<'_>, resource: &Source<'_>) -> Result<(), Invalid> {
        self.entry()?;
        let mut scoped = None;
        for part in field.message()? {
            let part = part?;
            if part.number == 1 && self.rules.scope_labels {
                let mut source = resource.clone();
                add_scope(part.bytes()?, self.rules, &mut source)?;
                scoped = Some(source);
            }
        }
        for part in field.message()? {
            let part = part?;
            if part.number == 2 {
                self.metric(&part, scoped.as_ref().unwrap_or(resource))?;
            }
        }
        Ok(())
    }

    fn metric(&mut self, field: &Field<'_>, source: &Source<'_>) -> Result<(), Invalid> {
        self.entry()?;
        let (mut name, mut help, mut unit, mut data) = ("", "", "", None);
        for part in field.message()? {
            let part = part?;
            match part.number {
                1 => name = part.text()?,
                2 => help = part.text()?,
                3 => unit = part.text()?,
                5 | 7 | 9 | 10 | 11 => data = Some(part),
                _ => {}
            }
        }
        let Some(data) = data else {
            return Ok(());
        };
        let shape = Shape::of_field(data.number);
        let (temporality, monotonic) = settings(&data)?;
        let kind = match shape {
            Shape::Number if monotonic => Kind::Counter,
            Shape::Number => Kind::Gauge,
            Shape::Explicit | Shape::Exponential => Kind::Histogram,
            Shape::Summary => Kind::Summary,
        };
        let has_temporality = matches!(data.number, 7 | 9 | 10);
        let metric = Metric {
            // A ratio is a gauge's, not that of a sum which also goes down.
            name: metric_name(
                name,
                unit,
                if data.number == 7 && !monotonic {
                    Kind::Unknown
                } else {
                    kind
                },
                self.rules.names,
            ),
            kind,
            help,
            unit,
            temporality: temporality.filter(|_| has_temporality),
            up_down: data.number == 7 && !monotonic,
        };
        let refused = if metric.name.is_empty() {
            Some(Invalid::new(
                Reject::BadName,
                format!("nothing of the metric name {name:?} can stay"),
            ))
        } else if has_temporality && temporality.is_none() {
            let text =
                format!("metric {name:?}: invalid temporality, it must be delta or cumulative");
            Some(Invalid::new(Reject::UnknownType, text))
        } else {
            None
        };
        self.points(&data, shape, &metric, source, refused.as_ref())
    }

    fn points(
        &mut self,
        data: &Field<'_>,
        shape: Shape,
        metric: &Metric<'_>,
        source: &Source<'_>,
        refused: Option<&Invalid>,
    ) -> Result<(), Invalid> {
        for part in data.message()? {
            let part = part?;
            if part.number != 1 {
                continue;
            }
            self.entry()?;
            if let Some(refused) = refused {
                (self.sink)(Err(refused.clone()));
                continue;
            }
            let point = convert::point(part.bytes()?, shape).map(|read| Point {
                metric,
                source,
                timestamp_ms: read.timestamp_ms,
                start_timestamp_ms: read.start_timestamp_ms,
                value: read.value,
                names: self.rules.names,
                attributes: (read.attributes, shape.attributes_field()),
            });
            (self.sink)(point);
        }
        Ok(())
    }
}

/// Temporality and monotonicity of a sum or histogram; a gauge has other things under these numbers or nothing.
fn settings(data: &Field<'_>) -> Result<(Option<Temporality>, bool), Damaged> {
    let (mut temporality, mut monotonic) = (None, false);
    for part in data.message()? {
        let part = part?;
        match part.number {
            2 => {
                temporality = match part.unsigned()? {
                    1 => Some(Temporality::Delta),
                    2 => Some(Temporality::Cumulative),
                    _ => None,
                }
            }
            3 if data.number == 7 => monotonic = part.unsigned()? != 0,
            _ => {}
        }
    }
    Ok((temporality, monotonic))
}

fn resource_labels<'a>(message: &'a [u8], rules: &Rules) -> Result<Source<'a>, Invalid> {
    let attributes = attributes::read(message, 1)?;
    let find = |wanted: &str| {
        let found = attributes
            .iter()
            .find(|(key, value)| *key == wanted && !value.is_empty());
        found.map(|(_, value)| value.clone())
    };
    let mut identifying = Vec::new();
    if let Some(name) = find("service.name") {
        let job = match find("service.namespace") {
            Some(namespace) => format!("{namespace}/{name}"),
            None => name,
        };
        identifying.push(("job", job));
    }
    if let Some(instance) = find("service.instance.id") {
        identifying.push(("instance", instance));
    }
    let promoted = attributes
        .into_iter()
        .filter(|(key, _)| rules.promote.takes(key))
        .collect();
    Ok(Source {
        identifying,
        promoted: translate(promoted, rules.names),
        raw: [message, &[]],
    })
}

fn add_scope<'a>(message: &'a [u8], rules: &Rules, source: &mut Source<'a>) -> Result<(), Invalid> {
    source.raw[1] = message;
    for field in Fields::of(message) {
        let field = field?;
        match field.number {
            1 => source
                .promoted
                .push(("otel_scope_name".to_owned(), field.text()?.to_owned())),
            2 => source
                .promoted
                .push(("otel_scope_version".to_owned(), field.text()?.to_owned())),
            _ => {}
        }
    }
    for (name, value) in translate(attributes::read(message, 3)?, rules.names) {
        source.promoted.push((format!("otel_scope_{name}"), value));
    }
    // A name that came twice, by hand or by translation, is taken once.
    source.promoted.sort();
    source.promoted.dedup_by(|later, first| later.0 == first.0);
    Ok(())
}

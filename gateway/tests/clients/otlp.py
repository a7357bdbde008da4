"""Exports over OTLP/HTTP: once cumulative, once in deltas."""
import sys

from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

for name, temporality in [
    ("cumulative", AggregationTemporality.CUMULATIVE),
    ("delta", AggregationTemporality.DELTA),
]:
    exporter = OTLPMetricExporter(
        endpoint=sys.argv[1] + "/v1/metrics",
        compression=Compression.Gzip,
        preferred_temporality={Counter: temporality, Histogram: temporality},
    )
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)
    resource = Resource.create({"service.name": "py", "service.instance.id": name})
    provider = MeterProvider(metric_readers=[reader], resource=resource)
    meter = provider.get_meter("tests")
    hits = meter.create_counter("py.hits")
    took = meter.create_histogram("py.took", unit="ms")
    for _ in range(2):
        hits.add(3, {"k": "v"})
        took.record(30)
        assert provider.force_flush()
    provider.shutdown()

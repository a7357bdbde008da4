"""Pushes, adds and deletes with prometheus_client."""
import sys

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client import delete_from_gateway, push_to_gateway, pushadd_to_gateway

gateway = sys.argv[1]
registry = CollectorRegistry()
Gauge("py_pushed", "What was pushed.", ["k"], registry=registry).labels("v").set(3.5)
took = Histogram("py_took_seconds", "How long.", registry=registry, buckets=(0.1, 1.0))
took.observe(0.5)
push_to_gateway(gateway, job="py/job", registry=registry, grouping_key={"instance": "one"})
added = CollectorRegistry()
Counter("py_added", "Added.", registry=added).inc(2)
pushadd_to_gateway(gateway, job="py/job", registry=added, grouping_key={"instance": "one"})
push_to_gateway(gateway, job="py_gone", registry=added)
delete_from_gateway(gateway, job="py_gone")

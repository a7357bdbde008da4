"""Writes with influxdb-client, and shows what it says of a bad line."""
import sys

from influxdb_client import InfluxDBClient, Point
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.rest import ApiException

with InfluxDBClient(url=sys.argv[1], token="t", org="o", enable_gzip=True) as client:
    assert client.ping()
    assert client.health().status == "pass"
    write = client.write_api(write_options=SYNCHRONOUS)
    point = Point("py_influx").tag("k", "v").field("f", 1.5).field("i", 7).field("s", "text")
    write.write(bucket="b", record=point)
    try:
        write.write(bucket="b", record="py_good f=1\npy_bad")
    except ApiException as refused:
        assert refused.status == 400, refused
        assert "missing fields (line 2)" in str(refused.body), refused.body
    else:
        raise SystemExit("the bad line was not told")

"""Makes a database and writes a point with the client of InfluxDB 1.x."""
import sys

from influxdb import InfluxDBClient

host, port = sys.argv[1].split(":")
client = InfluxDBClient(host, int(port), database="db")
client.create_database("db")
client.write_points([{"measurement": "py_old", "tags": {"at": "attic"}, "fields": {"value": 7.25}}])

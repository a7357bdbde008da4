// The small charts of the overview: one query each for all the hosts of a page, one line a host.
import { DISKS, INTERFACES } from "./devices";
import type { Unit } from "./format";
import { anyOf, rateWindow } from "./promql";

export interface Gauge {
  readonly id: string;
  readonly title: string;
  readonly unit: Unit;
  /** The top of the small chart is at least here. */
  readonly reach: number;
  query(hosts: readonly string[], step_ms: number): string;
}

export const GAUGES: readonly Gauge[] = [
  {
    id: "cpu",
    title: "CPU",
    unit: "percent",
    reach: 25,
    // Idle seconds of all seconds: a host that has been seen for less than the window is not taken for a busy one.
    query: (hosts, step_ms) => {
      const seconds = (modes: string) =>
        `sum by (host) (rate(node_cpu_seconds_total{${modes}${anyOf(hosts)}}${rateWindow(step_ms)}))`;
      return `100 * (1 - ${seconds('mode="idle",')} / ${seconds("")})`;
    },
  },
  {
    id: "memory",
    title: "Memory",
    unit: "percent",
    reach: 100,
    query: (hosts) => {
      const which = `{${anyOf(hosts)}}`;
      return `100 * (1 - sum by (host) (node_memory_MemAvailable_bytes${which}) / sum by (host) (node_memory_MemTotal_bytes${which}))`;
    },
  },
  {
    id: "disk",
    title: "Disk",
    unit: "bytes_per_second",
    reach: 1_000_000,
    query: (hosts, step_ms) =>
      bothWays("node_disk_read_bytes_total", "node_disk_written_bytes_total", `${anyOf(hosts)},${DISKS}`, step_ms),
  },
  {
    id: "network",
    title: "Network",
    unit: "bytes_per_second",
    reach: 100_000,
    query: (hosts, step_ms) =>
      bothWays(
        "node_network_receive_bytes_total",
        "node_network_transmit_bytes_total",
        `${anyOf(hosts)},${INTERFACES}`,
        step_ms,
      ),
  },
  {
    id: "load",
    title: "Load",
    unit: "number",
    reach: 1,
    query: (hosts) => `max by (host) (node_load1{${anyOf(hosts)}})`,
  },
];

function bothWays(one: string, two: string, which: string, step_ms: number): string {
  const half = (metric: string) => `sum by (host) (rate(${metric}{${which}}${rateWindow(step_ms)}))`;
  return `${half(one)} + ${half(two)}`;
}

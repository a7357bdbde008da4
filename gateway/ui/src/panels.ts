// The charts of one host: what each asks and how the answer becomes lines. One query a chart.
// Names are node_exporter's, as weir-agent sends them.
import type { Labels, MatrixEntry } from "./api";
import { DISKS, FILESYSTEMS, INTERFACES } from "./devices";
import type { Unit } from "./format";
import { isHost, rateWindow } from "./promql";
import { columns, lastValue, type Columns, type Line } from "./series";
import type { Span } from "./time";

export interface Panel {
  readonly id: string;
  readonly title: string;
  readonly unit: Unit;
  readonly shape: "stack" | "lines";
  /** The axis reaches at least to here, so that noise about zero does not look like a mountain. */
  readonly reach: number;
  query(host: string, step_ms: number): string;
  nameOf(labels: Labels): string;
  arrange?(lines: readonly Line[]): readonly Line[];
}

// More lines than this tell nobody anything; the largest are kept.
const MAX_LINES = 8;

const CPU_MODES = ["system", "user", "nice", "iowait", "irq", "softirq", "steal"];

export const PANELS: readonly Panel[] = [
  {
    id: "cpu",
    title: "CPU",
    unit: "percent",
    shape: "stack",
    reach: 10,
    query: (host, step_ms) =>
      `100 * avg by (mode) (rate(node_cpu_seconds_total{${isHost(host)},mode!="idle"}${rateWindow(step_ms)}))`,
    nameOf: (labels) => labels["mode"] ?? "",
    arrange: (lines) => inOrder(lines, CPU_MODES),
  },
  {
    id: "memory",
    title: "Memory",
    unit: "bytes",
    shape: "lines",
    reach: 1,
    query: (host) => `{__name__=~"node_memory_(MemTotal|MemAvailable)_bytes",${isHost(host)}}`,
    nameOf: (labels) => (labels["__name__"] === "node_memory_MemTotal_bytes" ? "total" : "available"),
    arrange: withUsed,
  },
  {
    id: "load",
    title: "Load",
    unit: "number",
    shape: "lines",
    reach: 1,
    query: (host) => `{__name__=~"node_load(1|5|15)",${isHost(host)}}`,
    nameOf: (labels) => `${(labels["__name__"] ?? "").replace("node_load", "")} min`,
    arrange: (lines) => inOrder(lines, ["1 min", "5 min", "15 min"]),
  },
  {
    id: "network",
    title: "Network",
    unit: "bytes_per_second",
    shape: "lines",
    reach: 1000,
    query: (host, step_ms) =>
      pair("node_network_receive_bytes_total", "in", "node_network_transmit_bytes_total", "out", host, INTERFACES, step_ms),
    nameOf: (labels) => labels["way"] ?? "",
  },
  {
    id: "disk",
    title: "Disk",
    unit: "bytes_per_second",
    shape: "lines",
    reach: 1000,
    query: (host, step_ms) =>
      pair("node_disk_read_bytes_total", "read", "node_disk_written_bytes_total", "written", host, DISKS, step_ms),
    nameOf: (labels) => labels["way"] ?? "",
  },
  {
    id: "filesystem",
    title: "Filesystems, used",
    unit: "percent",
    shape: "lines",
    reach: 100,
    query: (host) => {
      const which = `{${isHost(host)},${FILESYSTEMS}}`;
      return `100 * max by (mountpoint) (1 - node_filesystem_avail_bytes${which} / (node_filesystem_size_bytes${which} > 0))`;
    },
    nameOf: (labels) => labels["mountpoint"] ?? "",
  },
];

/** The answer to a panel's query as the lines it draws. */
export function panelColumns(panel: Panel, matrix: readonly MatrixEntry[], span: Span): Columns {
  const all = columns(matrix, span, (labels) => panel.nameOf(labels));
  const arranged = panel.arrange?.(all.lines) ?? all.lines;
  return { times_s: all.times_s, lines: largest(arranged) };
}

/** The sum of two rates over all devices, told apart by the label `way`. */
function pair(one: string, oneWay: string, two: string, twoWay: string, host: string, devices: string, step_ms: number): string {
  const half = (metric: string, way: string) =>
    `label_replace(sum(rate(${metric}{${isHost(host)},${devices}}${rateWindow(step_ms)})), "way", "${way}", "", "")`;
  return `${half(one, oneWay)} or ${half(two, twoWay)}`;
}

function inOrder(lines: readonly Line[], names: readonly string[]): readonly Line[] {
  const place = ({ name }: Line) => (names.includes(name) ? names.indexOf(name) : names.length);
  return [...lines].sort((a, b) => place(a) - place(b));
}

function withUsed(lines: readonly Line[]): readonly Line[] {
  const total = lines.find(({ name }) => name === "total");
  const available = lines.find(({ name }) => name === "available");
  if (total === undefined || available === undefined) return lines;
  const used = total.values.map((whole, index) => {
    const free = available.values[index] ?? null;
    return whole === null || free === null ? null : whole - free;
  });
  return [{ name: "used", values: used }, available, total];
}

function largest(lines: readonly Line[]): readonly Line[] {
  if (lines.length <= MAX_LINES) return lines;
  return [...lines].sort((a, b) => (lastValue(b.values) ?? 0) - (lastValue(a.values) ?? 0)).slice(0, MAX_LINES);
}

// The hosts seen: who is up, who is down and since when, who is known only by name; in the order a reader needs.
import type { Labels, MatrixEntry, VectorEntry } from "./api";

/** `silent`: samples bear its name, but no agent speaks for it (never did, or said goodbye). */
export type HostState = "down" | "silent" | "up";

export interface Host {
  readonly name: string;
  readonly state: HostState;
  /** Labels of its heartbeat besides `host`. */
  readonly labels: Labels;
  /** Up: when it booted. Down: when its heartbeat ended; a bound, see `sinceIsBound`. Null: not known. */
  readonly since_ms: number | null;
  /** It was so already at the earliest time asked about. */
  readonly sinceIsBound: boolean;
}

export interface DownSince {
  readonly since_ms: number;
  readonly isBound: boolean;
}

/** A host with several heartbeats is down if any of them is. */
export function hostsFrom(up: readonly VectorEntry[], names: readonly string[]): Host[] {
  const hosts = new Map<string, Host>();
  for (const name of names) hosts.set(name, bare(name, "silent", {}));
  for (const { metric, value } of up) {
    const { host: name, __name__: _, ...labels } = metric as Record<string, string>;
    if (name === undefined || name === "" || hosts.get(name)?.state === "down") continue;
    hosts.set(name, bare(name, Number(value[1]) > 0 ? "up" : "down", labels));
  }
  return [...hosts.values()].sort(inOrder);
}

function bare(name: string, state: HostState, labels: Labels): Host {
  return { name, state, labels, since_ms: null, sinceIsBound: false };
}

const RANK: Record<HostState, number> = { down: 0, up: 1, silent: 2 };
const BY_NAME = new Intl.Collator("en", { numeric: true });

function inOrder(a: Host, b: Host): number {
  return RANK[a.state] - RANK[b.state] || BY_NAME.compare(a.name, b.name);
}

/** From `up == 0` at each step: for each host the start of the run that reaches the last step. */
export function downSince(matrix: readonly MatrixEntry[], start_ms: number, step_ms: number): Map<string, DownSince> {
  const found = new Map<string, DownSince>();
  for (const { metric, values = [] } of matrix) {
    const name = metric["host"];
    const times_ms = values.map(([time_s]) => Math.round(time_s * 1000));
    let first = times_ms.length - 1;
    while (first > 0 && (times_ms[first] ?? 0) - (times_ms[first - 1] ?? 0) <= step_ms) first -= 1;
    const since_ms = times_ms[first];
    if (name === undefined || since_ms === undefined) continue;
    const known = found.get(name);
    if (known === undefined || since_ms < known.since_ms) {
      found.set(name, { since_ms, isBound: since_ms <= start_ms });
    }
  }
  return found;
}

export function withSince(host: Host, down: ReadonlyMap<string, DownSince>, boot_ms: ReadonlyMap<string, number>): Host {
  const seen = host.state === "down" ? down.get(host.name) : undefined;
  if (seen !== undefined) return { ...host, since_ms: seen.since_ms, sinceIsBound: seen.isBound };
  const booted_ms = host.state === "up" ? boot_ms.get(host.name) : undefined;
  return booted_ms === undefined ? host : { ...host, since_ms: booted_ms };
}

export interface HostPage {
  readonly shown: readonly Host[];
  readonly matching: number;
  readonly page: number;
  readonly pages: number;
}

export const PAGE_SIZE = 24;

/** The hosts of one page whose name holds the text; a page past the end is the last one. */
export function pageOf(hosts: readonly Host[], filter: string, page: number): HostPage {
  const wanted = filter.trim().toLowerCase();
  const matching = hosts.filter((host) => host.name.toLowerCase().includes(wanted));
  const pages = Math.max(1, Math.ceil(matching.length / PAGE_SIZE));
  const at = Math.min(Math.max(0, page), pages - 1);
  return { shown: matching.slice(at * PAGE_SIZE, (at + 1) * PAGE_SIZE), matching: matching.length, page: at, pages };
}

// One refresh: everything a view needs, asked at once. Knows no signals and no DOM.
// A question the gateway refuses leaves a hole with its reason; a gateway that does not answer fails the whole refresh.
import { alertsFrom, type Alert } from "./alerts";
import { Api, ApiError, type Labels, type VectorEntry } from "./api";
import { GAUGES } from "./gauges";
import { downSince, hostsFrom, withSince, type DownSince, type Host, type HostPage } from "./hosts";
import { PANELS, panelColumns } from "./panels";
import { anyOf } from "./promql";
import { columns, type Columns, type Line } from "./series";
import { spanEnding, type Span } from "./time";

export type Outcome<T> = { readonly value: T } | { readonly refused: string };

export interface Fleet {
  readonly hosts: readonly Host[];
  readonly alerts: Outcome<readonly Alert[]>;
}

/** By gauge id, then by host. */
export type GaugeLines = ReadonlyMap<string, Outcome<{ readonly span: Span; readonly lines: ReadonlyMap<string, Line> }>>;

/** By panel id. */
export type PanelColumns = ReadonlyMap<string, Outcome<Columns>>;

export async function loadFleet(api: Api, range_ms: number, host: string | null, signal: AbortSignal): Promise<Fleet> {
  const now_ms = api.now_ms();
  const [up, names, alerts] = await Promise.all([
    api.instant("up", signal),
    outcome(api.hostNames(now_ms - range_ms, now_ms, signal)),
    outcome(api.alerts(signal).then((entries) => alertsFrom(entries, host))),
  ]);
  return { hosts: hostsFrom(up, "value" in names ? names.value : []), alerts };
}

/** The hosts that are on the screen, with since when they are as they are. */
export async function loadSince(api: Api, hosts: readonly Host[], memory: SinceMemory, signal: AbortSignal): Promise<Host[]> {
  const named = (state: Host["state"]) => hosts.filter((host) => host.state === state).map((host) => host.name);
  const up = named("up");
  const [boot, down] = await Promise.all([
    up.length === 0 ? [] : optional(api.instant(`node_boot_time_seconds{${anyOf(up)}}`, signal)),
    memory.of(api, named("down"), signal),
  ]);
  const boot_ms = new Map(boot.flatMap(({ metric, value }) => bootEntry(metric, value)));
  return hosts.map((host) => withSince(host, down, boot_ms));
}

function bootEntry(metric: Labels, value: VectorEntry["value"]): [string, number][] {
  const name = metric["host"];
  const boot_ms = Number(value[1]) * 1000;
  return name === undefined || !Number.isFinite(boot_ms) ? [] : [[name, boot_ms]];
}

const DAY_MS = 24 * 3_600_000;

/** Remembers since when hosts are down: a day of heartbeats is read when another host falls, not at each refresh. */
export class SinceMemory {
  private key = "";
  private known: ReadonlyMap<string, DownSince> = new Map();

  async of(api: Api, down: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, DownSince>> {
    const key = JSON.stringify(down);
    if (key !== this.key && down.length > 0) {
      const span = spanEnding(api.now_ms(), DAY_MS, 60_000);
      const runs = await optional(api.range(`up{${anyOf(down)}} == 0`, span, signal));
      this.known = downSince(runs, span.start_ms, span.step_ms);
    }
    this.key = key;
    return this.known;
  }
}

export async function loadGauges(api: Api, page: HostPage, range_ms: number, step_ms: number, signal: AbortSignal): Promise<GaugeLines> {
  const names = page.shown.map((host) => host.name);
  const span = spanEnding(api.now_ms(), range_ms, step_ms);
  const answers = GAUGES.map(async (gauge) => {
    const matrix = names.length === 0 ? [] : api.range(gauge.query(names, step_ms), span, signal);
    const lines = Promise.resolve(matrix).then((entries) => columns(entries, span, (labels) => labels["host"] ?? "").lines);
    const byHost = lines.then((all) => ({ span, lines: new Map(all.map((line) => [line.name, line])) }));
    return [gauge.id, await outcome(byHost)] as const;
  });
  return new Map(await Promise.all(answers));
}

export async function loadPanels(api: Api, host: string, range_ms: number, step_ms: number, signal: AbortSignal): Promise<PanelColumns> {
  const span = spanEnding(api.now_ms(), range_ms, step_ms);
  const answers = PANELS.map(async (panel) => {
    const matrix = api.range(panel.query(host, step_ms), span, signal);
    return [panel.id, await outcome(matrix.then((entries) => panelColumns(panel, entries, span)))] as const;
  });
  return new Map(await Promise.all(answers));
}

async function outcome<T>(asked: Promise<T>): Promise<Outcome<T>> {
  try {
    return { value: await asked };
  } catch (cause) {
    if (cause instanceof ApiError && cause.kind === "refused") return { refused: cause.message };
    throw cause;
  }
}

async function optional<T>(asked: Promise<T[]>): Promise<T[]> {
  const answer = await outcome(asked);
  return "value" in answer ? answer.value : [];
}


// The loop: refreshes what is on the screen every ten seconds, at once when the reader goes elsewhere, and not at all while
// the tab is hidden. One refresh at a time; a new one ends the one before.
import { batch, effect, untracked } from "@preact/signals";
import { Api, ApiError } from "./api";
import { loadFleet, loadGauges, loadPanels, loadSince, SinceMemory } from "./load";
import * as state from "./state";
import { stepFor } from "./time";

export const REFRESH_MS = 10_000;

// Typing in the filter box should not ask the gateway at each letter.
const SETTLE_MS = 150;

export class Refresher {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private running: AbortController | undefined;
  private readonly memory = new SinceMemory();

  constructor(private readonly api: Api) {}

  /** Starts the loop. What it returns ends it. */
  start(): () => void {
    const ended = new AbortController();
    const leave = effect(() => {
      void [state.route.value, state.filter.value, state.pageIndex.value, state.width_px.value];
      untracked(() => this.again(SETTLE_MS));
    });
    document.addEventListener("visibilitychange", () => this.again(0), { signal: ended.signal });
    addEventListener("online", () => this.again(0), { signal: ended.signal });
    this.again(0);
    return () => {
      leave();
      ended.abort();
      clearTimeout(this.timer);
      this.running?.abort();
    };
  }

  /** Refreshes after the time given, instead of whatever was planned. */
  again(after_ms: number): void {
    clearTimeout(this.timer);
    if (document.hidden) return;
    this.timer = setTimeout(() => void this.refresh(), after_ms);
  }

  private async refresh(): Promise<void> {
    this.running?.abort();
    const running = new AbortController();
    this.running = running;
    try {
      await this.load(running.signal);
      if (!running.signal.aborted) this.succeeded();
    } catch (cause) {
      if (!running.signal.aborted) this.failed(cause);
    }
    if (!running.signal.aborted) this.again(REFRESH_MS);
  }

  private async load(signal: AbortSignal): Promise<void> {
    const { host, range } = state.route.value;
    const { range_ms } = state.range.value;
    const fleet = await loadFleet(this.api, range_ms, host, signal);
    signal.throwIfAborted();
    state.fleet.value = fleet;
    const charted = state.charted.value;
    await Promise.all([
      this.since(signal),
      host === null ? this.gauges(range_ms, signal) : undefined,
      charted === null ? undefined : this.panels(charted, range, range_ms, signal),
    ]);
  }

  private async since(signal: AbortSignal): Promise<void> {
    const charted = state.charted.value;
    const all = state.fleet.value?.hosts ?? [];
    const wanted = state.route.value.host === null ? state.hostPage.value.shown : all.filter(({ name }) => name === charted);
    const hosts = await loadSince(this.api, wanted, this.memory, signal);
    signal.throwIfAborted();
    state.since.value = new Map(hosts.map((host) => [host.name, host]));
  }

  private async gauges(range_ms: number, signal: AbortSignal): Promise<void> {
    const step_ms = stepFor(range_ms, SPARKLINE_PX);
    const gauges = await loadGauges(this.api, state.hostPage.value, range_ms, step_ms, signal);
    signal.throwIfAborted();
    state.gauges.value = gauges;
  }

  private async panels(host: string, range: string, range_ms: number, signal: AbortSignal): Promise<void> {
    const charts = await loadPanels(this.api, host, range_ms, stepFor(range_ms, state.width_px.value), signal);
    signal.throwIfAborted();
    state.panels.value = { host, range, charts };
  }

  private succeeded(): void {
    batch(() => {
      const { refreshes } = state.freshness.value;
      state.now_ms.value = this.api.now_ms();
      state.freshness.value = { refreshed_ms: Date.now(), failure: null, refreshes: refreshes + 1 };
    });
  }

  private failed(cause: unknown): void {
    const failure = cause instanceof ApiError ? cause.message : `this page failed: ${String(cause)}`;
    state.now_ms.value = this.api.now_ms();
    state.freshness.value = { ...state.freshness.value, failure };
  }
}

const SPARKLINE_PX = 180;

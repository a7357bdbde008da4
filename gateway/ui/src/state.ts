// What the page shows, as signals: written by `refresh.ts` and by the reader's clicks, read by the components.
import { computed, signal } from "@preact/signals";
import { pageOf, type Host } from "./hosts";
import type { Fleet, GaugeLines, PanelColumns } from "./load";
import { parseRoute } from "./route";
import { rangeNamed, RANGES } from "./time";

export const route = signal(parseRoute(""));
export const filter = signal("");
export const pageIndex = signal(0);

/** Null until the first answer. */
export const fleet = signal<Fleet | null>(null);
/** Hosts on the screen, by name, with since when they are as they are. */
export const since = signal<ReadonlyMap<string, Host>>(new Map());
export const gauges = signal<GaugeLines>(new Map());
/** The charts, and whose they are: a late answer must not be shown under another host's name. */
export const panels = signal<{ host: string; range: string; charts: PanelColumns } | null>(null);

export const freshness = signal<{ refreshed_ms: number | null; failure: string | null; refreshes: number }>({
  refreshed_ms: null,
  failure: null,
  refreshes: 0,
});

/** The newest time known, by the gateway's clock: ages are counted from it. */
export const now_ms = signal(0);
export const width_px = signal(1024);
export const isDark = signal(false);

export const range = computed(() => rangeNamed(route.value.range) ?? RANGES[1]!);
export const hostPage = computed(() => pageOf(fleet.value?.hosts ?? [], filter.value, pageIndex.value));

/** The host whose large charts are shown: the one chosen, or the only one there is. */
export const charted = computed(() => {
  const hosts = fleet.value?.hosts ?? [];
  return route.value.host ?? (hosts.length === 1 ? (hosts[0]?.name ?? null) : null);
});

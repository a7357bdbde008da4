// Ranges a reader can pick, and the steps at which they are asked for.
// Milliseconds everywhere; never reads the clock.

export interface Range {
  readonly name: string;
  readonly range_ms: number;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

export const RANGES: readonly Range[] = [
  { name: "15m", range_ms: 15 * MINUTE_MS },
  { name: "1h", range_ms: HOUR_MS },
  { name: "6h", range_ms: 6 * HOUR_MS },
  { name: "24h", range_ms: 24 * HOUR_MS },
];

export const DEFAULT_RANGE = "1h";

export function rangeNamed(name: string | null | undefined): Range | undefined {
  return RANGES.find((range) => range.name === name);
}

/** A span of evaluation times, both ends included, all multiples of the step. */
export interface Span {
  readonly start_ms: number;
  readonly end_ms: number;
  readonly step_ms: number;
}

// No step is finer than the agents' interval: it would only repeat samples.
const STEPS_MS = [10, 15, 30, 60, 120, 300, 600, 1800, 3600].map((step_s) => step_s * 1000);

/** The smallest step that gives at most one point for each `PIXELS_PER_POINT` pixels. */
const PIXELS_PER_POINT = 3;

export function stepFor(range_ms: number, width_px: number): number {
  const points = Math.min(480, Math.max(40, Math.floor(width_px / PIXELS_PER_POINT)));
  return STEPS_MS.find((step_ms) => range_ms / step_ms <= points) ?? range_ms / 40;
}

/** The ends lie on multiples of the step, so a refresh moves the window and not the points in it. */
export function spanEnding(now_ms: number, range_ms: number, step_ms: number): Span {
  const end_ms = Math.floor(now_ms / step_ms) * step_ms;
  return { start_ms: end_ms - Math.floor(range_ms / step_ms) * step_ms, end_ms, step_ms };
}

/** How old the newest point of a span may be before it is shown as old. */
export function staleAfter(step_ms: number): number {
  return Math.max(MINUTE_MS, 3 * step_ms);
}

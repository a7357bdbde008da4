// From a query's matrix to columns on one time grid, which is what a chart draws.
import type { Labels, MatrixEntry } from "./api";
import type { Span } from "./time";

export interface Line {
  readonly name: string;
  readonly values: readonly (number | null)[];
}

export interface Columns {
  readonly times_s: readonly number[];
  readonly lines: readonly Line[];
}

/** Each entry becomes a line; a step without a finite value is a gap (null). Points off the grid are left out. */
export function columns(matrix: readonly MatrixEntry[], span: Span, nameOf: (labels: Labels) => string): Columns {
  const length = Math.round((span.end_ms - span.start_ms) / span.step_ms) + 1;
  const times_s = Array.from({ length }, (_, index) => (span.start_ms + index * span.step_ms) / 1000);
  const lines = matrix.map((entry) => ({ name: nameOf(entry.metric), values: onGrid(entry, span, length) }));
  return { times_s, lines };
}

function onGrid(entry: MatrixEntry, span: Span, length: number): (number | null)[] {
  const values = new Array<number | null>(length).fill(null);
  for (const [time_s, text] of entry.values ?? []) {
    const index = Math.round((time_s * 1000 - span.start_ms) / span.step_ms);
    const value = Number(text);
    if (index >= 0 && index < length && Number.isFinite(value)) values[index] = value;
  }
  return values;
}

/** Running sums, so that each line lies on the one before it. A gap in all of them stays a gap. */
export function stacked(lines: readonly Line[]): Line[] {
  const sums: (number | null)[] = [];
  return lines.map(({ name, values }) => {
    values.forEach((value, index) => {
      const below = sums[index] ?? null;
      sums[index] = value === null ? below : (below ?? 0) + value;
    });
    return { name, values: sums.slice(0, values.length) };
  });
}

export function lastValue(values: readonly (number | null)[]): number | null {
  return values.findLast((value) => value !== null) ?? null;
}

/** How many steps have at least one value. */
export function pointCount({ times_s, lines }: Columns): number {
  return times_s.filter((_, index) => lines.some((line) => line.values[index] != null)).length;
}

/** When the newest value of any line was, or null when there is none. */
export function lastTime_ms({ times_s, lines }: Columns): number | null {
  const index = times_s.findLastIndex((_, at) => lines.some((line) => line.values[at] != null));
  const time_s = times_s[index];
  return time_s === undefined ? null : time_s * 1000;
}

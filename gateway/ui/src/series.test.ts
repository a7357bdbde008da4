import { expect, test } from "vitest";
import { columns, lastTime_ms, lastValue, pointCount, stacked } from "./series";
import { spanEnding, stepFor } from "./time";

const SPAN = { start_ms: 100_000, end_ms: 140_000, step_ms: 10_000 };

test("values land on their step; what is missing, infinite or off the grid is a gap", () => {
  const values: [number, string][] = [[90, "9"], [100, "1"], [110, "NaN"], [120.001, "3"], [130, "+Inf"], [150, "5"]];
  const data = columns([{ metric: { mode: "user" }, values }], SPAN, (labels) => labels["mode"] ?? "");
  expect(data.times_s).toEqual([100, 110, 120, 130, 140]);
  expect(data.lines).toEqual([{ name: "user", values: [1, null, 3, null, null] }]);
  expect([pointCount(data), lastTime_ms(data)]).toEqual([2, 120_000]);
});

test("an entry of histograms alone is a line of gaps", () => {
  const data = columns([{ metric: {} }], SPAN, () => "h");
  expect([pointCount(data), lastTime_ms(data), lastValue(data.lines[0]?.values ?? [])]).toEqual([0, null, null]);
});

test("a stack adds up, and is a gap only where all are", () => {
  const lines = [
    { name: "a", values: [1, null, null, 2] },
    { name: "b", values: [10, 20, null, null] },
  ];
  expect(stacked(lines).map(({ values }) => values)).toEqual([
    [1, null, null, 2],
    [11, 20, null, 2],
  ]);
});

test("steps suit the width and stay within what the API allows", () => {
  expect(stepFor(900_000, 600)).toBe(10_000);
  expect(stepFor(3_600_000, 1200)).toBe(10_000);
  expect(stepFor(3_600_000, 360)).toBe(30_000);
  expect(stepFor(86_400_000, 180)).toBe(1_800_000);
  for (const width_px of [0, 1, 360, 5000, 1e9]) expect(86_400_000 / stepFor(86_400_000, width_px)).toBeLessThan(11_000);
});

test("a span's ends are multiples of the step, at most one step old", () => {
  expect(spanEnding(3_605_678, 3_600_000, 30_000)).toEqual({ start_ms: 0, end_ms: 3_600_000, step_ms: 30_000 });
});

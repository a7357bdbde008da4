// How a panel is drawn by uPlot: scales, axes, colours, the stacking. Colours are the stylesheet's.
import uPlot from "uplot";
import { clock, tick, type Unit } from "./format";
import type { Panel } from "./panels";
import { stacked, type Columns } from "./series";

export const HEIGHT_PX = 190;

const FONT = "11px system-ui, sans-serif";
// Room for "999 MB/s".
const AXIS_PX = 66;

// uPlot draws its series in order, so a stack is given from the top down; the legend's order is the panel's.

export function chartData({ shape }: Panel, { times_s, lines }: Columns): uPlot.AlignedData {
  const drawn = shape === "stack" ? stacked(lines).reverse() : lines;
  return [[...times_s], ...drawn.map(({ values }) => [...values])];
}

export function chartOptions(panel: Panel, data: Columns, width: number, onHover: (index: number | null) => void): uPlot.Options {
  const css = getComputedStyle(document.documentElement);
  const isStack = panel.shape === "stack";
  const colours = data.lines.map((_, at) => css.getPropertyValue(`--c${at + 1}`).trim());
  if (isStack) colours.reverse();
  const options: uPlot.Options = {
    width,
    height: HEIGHT_PX,
    padding: [8, 8, 0, 0],
    legend: { show: false },
    cursor: { y: false, sync: { key: "time" }, drag: { x: false, y: false }, points: { show: false } },
    scales: { y: { range: (_, low, high) => reachOf(panel, low, high) } },
    axes: axes(panel.unit, css.getPropertyValue("--quiet").trim(), css.getPropertyValue("--line").trim()),
    series: [{}, ...colours.map((colour) => series(colour, isStack))],
    hooks: { setCursor: [(chart) => onHover(chart.cursor.idx ?? null)] },
  };
  if (isStack) options.bands = colours.slice(1).map((_, at) => ({ series: [at + 1, at + 2] }));
  return options;
}

function reachOf({ unit, reach }: Panel, low: number | null, high: number | null): uPlot.Range.MinMax {
  const top = Math.max(reach, (high ?? 0) * 1.08);
  const isWhole = unit === "percent" && (high ?? 0) <= 100;
  return [Math.min(0, low ?? 0), isWhole ? Math.min(100, top) : top];
}

function series(stroke: string, isStack: boolean): uPlot.Series {
  // A value between two gaps has no line: draw it as a dot.
  const points: uPlot.Series.Points = { show: false, filter: (chart, at) => lonely(chart.data[at] ?? []), size: 4 };
  return { stroke, width: 1.5, spanGaps: false, points, ...(isStack ? { fill: `${stroke}b0` } : {}) };
}

function lonely(values: ArrayLike<number | null | undefined>): number[] {
  const found: number[] = [];
  for (let at = 0; at < values.length; at += 1) {
    if (values[at] != null && values[at - 1] == null && values[at + 1] == null) found.push(at);
  }
  return found;
}

function axes(unit: Unit, stroke: string, line: string): uPlot.Axis[] {
  const grid = { stroke: line, width: 1 };
  const shared = { stroke, font: FONT, grid, ticks: { show: false } };
  const y: uPlot.Axis = { ...shared, size: AXIS_PX, gap: 4, space: 34, values: (_, splits) => splits.map((value) => tick(value, unit)) };
  if (unit === "bytes") y.incrs = Array.from({ length: 54 }, (_, power) => 2 ** power);
  return [{ ...shared, size: 26, space: 60, values: (_, splits) => splits.map((time_s) => clock(time_s * 1000)) }, y];
}

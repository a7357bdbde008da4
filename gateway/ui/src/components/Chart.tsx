// Ties a chart's canvas to its place in the page: made once, fed at each refresh, remade when its lines or colours change.
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { chartData, chartOptions, HEIGHT_PX } from "../chart";
import type { Panel } from "../panels";
import type { Columns } from "../series";
import { isDark } from "../state";

interface Props {
  panel: Panel;
  data: Columns;
  label: string;
  onHover: (index: number | null) => void;
}

export function Chart({ panel, data, label, onHover }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | null>(null);
  const names = JSON.stringify(data.lines.map(({ name }) => name));
  const dark = isDark.value;

  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const made = new uPlot(chartOptions(panel, data, element.clientWidth, onHover), chartData(panel, data), element);
    const watcher = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT_PX }));
    watcher.observe(element);
    chart.current = made;
    return () => {
      watcher.disconnect();
      made.destroy();
      chart.current = null;
    };
  }, [panel, names, dark]);

  useEffect(() => chart.current?.setData(chartData(panel, data)), [data]);

  return <div class="chart" ref={place} role="img" aria-label={label} />;
}

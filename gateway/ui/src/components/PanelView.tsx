// A chart with its title, its legend (the figures at the pointer, else the newest) and a mark when it is old.
import { useSignal, type Signal } from "@preact/signals";
import { clock, figure, NOTHING } from "../format";
import type { Outcome } from "../load";
import type { Panel } from "../panels";
import { lastTime_ms, lastValue, pointCount, type Columns } from "../series";
import { now_ms } from "../state";
import { staleAfter } from "../time";
import { Chart } from "./Chart";

export function PanelView({ panel, answer }: { panel: Panel; answer: Outcome<Columns> | undefined }) {
  const hovered = useSignal<number | null>(null);
  const data = answer !== undefined && "value" in answer ? answer.value : undefined;
  return (
    <article class="panel" data-chart={panel.id} data-points={data === undefined ? 0 : pointCount(data)}>
      <h3>
        {panel.title}
        {data !== undefined && <Age data={data} at={hovered.value} />}
      </h3>
      <Body panel={panel} answer={answer} hovered={hovered} />
    </article>
  );
}

/** The time at the pointer, or else where the data end if that is too long ago. */
function Age({ data, at }: { data: Columns; at: number | null }) {
  const time_s = at === null ? undefined : data.times_s[at];
  if (time_s !== undefined) return <span class="quiet">{clock(time_s * 1000)}</span>;
  const last_ms = lastTime_ms(data);
  const step_ms = ((data.times_s[1] ?? 0) - (data.times_s[0] ?? 0)) * 1000;
  if (last_ms === null || now_ms.value - last_ms <= staleAfter(step_ms)) return null;
  return <span class="chip old">ends at {clock(last_ms)}</span>;
}

function Body({ panel, answer, hovered }: { panel: Panel; answer: Outcome<Columns> | undefined; hovered: Signal<number | null> }) {
  if (answer === undefined) return <p class="quiet hole">Loading…</p>;
  if ("refused" in answer) return <p class="hole error">{answer.refused}</p>;
  const data = answer.value;
  if (pointCount(data) === 0) return <p class="quiet hole">No data in this range</p>;
  return (
    <>
      <Chart panel={panel} data={data} label={spoken(panel, data)} onHover={(index) => (hovered.value = index)} />
      <Legend panel={panel} data={data} hovered={hovered.value} />
    </>
  );
}

function Legend({ panel, data, hovered }: { panel: Panel; data: Columns; hovered: number | null }) {
  return (
    <ul class="legend">
      {data.lines.map(({ name, values }, at) => (
        <li key={at}>
          <span class={`swatch c${at + 1}`} />
          {name} <b>{figure(hovered === null ? lastValue(values) : values[hovered], panel.unit)}</b>
        </li>
      ))}
    </ul>
  );
}

/** The chart in words, for those who do not see it. */
function spoken({ title, unit }: Panel, { lines }: Columns): string {
  const parts = lines.map(({ name, values }) => `${name} ${figure(lastValue(values), unit)}`);
  return `${title}: ${parts.length === 0 ? NOTHING : parts.join(", ")}`;
}

// One host among many: its state and its small charts. The whole card leads to the large ones.
import { figure } from "../format";
import { GAUGES, type Gauge } from "../gauges";
import type { Host } from "../hosts";
import { hrefOf } from "../route";
import { lastValue } from "../series";
import { gauges, route } from "../state";
import { sinceText } from "./since";
import { Sparkline } from "./Sparkline";

export function HostCard({ host }: { host: Host }) {
  return (
    <li class={`card ${host.state}`} data-host={host.name} data-state={host.state}>
      <a href={hrefOf({ host: host.name, range: route.value.range })}>
        <span class="head">
          <strong class="name">{host.name}</strong>
          <span class={`chip ${host.state}`}>{host.state === "silent" ? "no heartbeat" : host.state}</span>
        </span>
        <span class="quiet since">{sinceText(host)}</span>
        {GAUGES.map((gauge) => (
          <GaugeRow key={gauge.id} gauge={gauge} host={host} />
        ))}
      </a>
    </li>
  );
}

function GaugeRow({ gauge, host }: { gauge: Gauge; host: Host }) {
  const answer = gauges.value.get(gauge.id);
  const values = answer !== undefined && "value" in answer ? (answer.value.lines.get(host.name)?.values ?? []) : [];
  const refused = answer !== undefined && "refused" in answer ? answer.refused : undefined;
  // Of a host that is down there is no figure for now, only what it was.
  const now = host.state === "down" ? null : lastValue(values.slice(-3));
  return (
    <span class="gauge" title={refused}>
      <span class="label">{gauge.title}</span>
      <Sparkline id={gauge.id} values={values} reach={gauge.reach} />
      <span class="value">{refused === undefined ? figure(now, gauge.unit) : "error"}</span>
    </span>
  );
}

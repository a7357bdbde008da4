// Alerts that fire or are about to. Shows the first few; the rest on demand.
import { useSignal } from "@preact/signals";
import type { Alert } from "../alerts";
import { count, lapse } from "../format";
import type { Outcome } from "../load";
import { hrefOf } from "../route";
import { now_ms, route } from "../state";

const FEW = 5;
const MOST = 200;

export function AlertList({ alerts }: { alerts: Outcome<readonly Alert[]> }) {
  const showsAll = useSignal(false);
  if ("refused" in alerts) return <p class="quiet">Alerts cannot be read: {alerts.refused}</p>;
  const all = alerts.value;
  if (all.length === 0) return null;
  const shown = all.slice(0, showsAll.value ? MOST : FEW);
  return (
    <section class="alerts" aria-label="Alerts">
      <h2>{heading(all)}</h2>
      <ul>
        {shown.map((alert, at) => (
          <AlertRow key={`${at} ${alert.key}`} alert={alert} />
        ))}
      </ul>
      {all.length > FEW && (
        <button type="button" aria-expanded={showsAll.value} onClick={() => (showsAll.value = !showsAll.value)}>
          {showsAll.value ? "Show fewer" : `Show ${Math.min(all.length, MOST) - FEW} more`}
        </button>
      )}
    </section>
  );
}

function heading(all: readonly Alert[]): string {
  const firing = all.filter(({ state }) => state === "firing").length;
  const pending = all.length - firing;
  if (firing === 0) return `${count(pending, "alert")} pending`;
  return `${count(firing, "alert")} firing${pending === 0 ? "" : `, ${pending} pending`}`;
}

function AlertRow({ alert }: { alert: Alert }) {
  const { name, state, host, labels, summary, since_ms } = alert;
  return (
    <li class={`alert ${state}`} data-alert={name} data-state={state}>
      <span class={`chip ${state}`}>{state}</span>
      <strong class="name">{name}</strong>
      {host !== null && <a href={hrefOf({ host, range: route.value.range })}>{host}</a>}
      {since_ms !== null && <span class="quiet">for {lapse(now_ms.value - since_ms)}</span>}
      {summary !== "" && <span class="summary">{summary}</span>}
      {labels.length > 0 && <span class="labels">{labels.map(([key, value]) => `${key}=${value}`).join("  ")}</span>}
    </li>
  );
}

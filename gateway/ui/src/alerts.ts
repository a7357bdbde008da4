// Alerts as the page lists them: firing before pending, this host's before others', newest first.
import type { AlertEntry, Labels } from "./api";

export interface Alert {
  readonly key: string;
  readonly name: string;
  readonly state: "firing" | "pending";
  readonly host: string | null;
  /** Besides the name and the host. */
  readonly labels: readonly (readonly [string, string])[];
  readonly summary: string;
  readonly since_ms: number | null;
}

/** Alerts that are neither firing nor pending are left out. */
export function alertsFrom(entries: readonly AlertEntry[], host: string | null): Alert[] {
  const alerts = entries.flatMap((entry) => {
    const { state } = entry;
    return state === "firing" || state === "pending" ? [alertFrom(entry, state)] : [];
  });
  return alerts.sort((a, b) => rank(a, host) - rank(b, host) || (b.since_ms ?? 0) - (a.since_ms ?? 0) || (a.key < b.key ? -1 : 1));
}

function alertFrom(entry: AlertEntry, state: Alert["state"]): Alert {
  const { alertname = "(no name)", host = null, ...labels } = entry.labels as Record<string, string>;
  const since_ms = Date.parse(entry.activeAt ?? "");
  return {
    key: JSON.stringify(Object.entries(entry.labels).sort()),
    name: alertname,
    state,
    host,
    labels: Object.entries(labels).sort(),
    summary: summaryOf(entry.annotations ?? {}),
    since_ms: Number.isNaN(since_ms) ? null : since_ms,
  };
}

function summaryOf(annotations: Labels): string {
  return annotations["summary"] ?? annotations["description"] ?? annotations["message"] ?? "";
}

function rank(alert: Alert, host: string | null): number {
  return (alert.state === "firing" ? 0 : 2) + (host !== null && alert.host === host ? 0 : 1);
}

// Pieces of PromQL. Host names come from the outside: nothing enters a query but through `quote` or `anyOf`.

const CONTROL = /[\u0000-\u001f\u007f]/g;
const LONE_SURROGATE = /\p{Surrogate}/gu;

/** A string literal in double quotes. */
export function quote(text: string): string {
  const escaped = text
    .replace(LONE_SURROGATE, "\ufffd")
    .replace(/["\\]/g, "\\$&")
    .replace(CONTROL, (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, "0")}`);
  return `"${escaped}"`;
}

/** Text that an RE2 expression takes literally. */
export function literal(text: string): string {
  return text.replace(/[\\.+*?()|[\]{}^$]/g, "\\$&");
}

export function isHost(host: string): string {
  return `host=${quote(host)}`;
}

/** A matcher for any of the hosts; none of them matches nothing. */
export function anyOf(hosts: readonly string[]): string {
  if (hosts.length === 0) return 'host="",host!=""';
  if (hosts.length === 1) return isHost(hosts[0] ?? "");
  return `host=~${quote(hosts.map(literal).join("|"))}`;
}

// Two minutes hold two samples even where agents send once a minute.
const SHORTEST_WINDOW_MS = 120_000;

/** The window of a rate: never shorter than the step, or samples between two steps would not count. */
export function rateWindow(step_ms: number): string {
  return `[${Math.ceil(Math.max(SHORTEST_WINDOW_MS, step_ms) / 1000)}s]`;
}

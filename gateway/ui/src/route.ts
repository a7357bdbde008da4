// Where the reader is, kept in the address after `#`: `#/`, `#/host/<name>`, each with `?range=6h`.
// So a link can be shared, and the browser's back button works.
import { DEFAULT_RANGE, rangeNamed } from "./time";

export interface Route {
  /** The host looked at, or null for all. */
  readonly host: string | null;
  /** One of the names in `RANGES`. */
  readonly range: string;
}

const HOST = "/host/";

/** Anything that is not an address of ours is the overview. */
export function parseRoute(hash: string): Route {
  const [path = "", search = ""] = hash.replace(/^#/, "").split("?", 2);
  const range = rangeNamed(new URLSearchParams(search).get("range"))?.name ?? DEFAULT_RANGE;
  return { host: path.startsWith(HOST) ? decoded(path.slice(HOST.length)) : null, range };
}

export function hrefOf({ host, range }: Route): string {
  const path = host === null ? "/" : HOST + encodeURIComponent(host.replace(/\p{Surrogate}/gu, "\ufffd"));
  return `#${path}${range === DEFAULT_RANGE ? "" : `?range=${range}`}`;
}

function decoded(text: string): string | null {
  try {
    const host = decodeURIComponent(text);
    return host === "" ? null : host;
  } catch {
    return null;
  }
}

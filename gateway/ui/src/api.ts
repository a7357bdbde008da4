// The gateway's Prometheus API as this page uses it: ask, check the shape, say what went wrong.
// Keeps no data and decides nothing about what is asked. The only place that calls fetch.
import type { Span } from "./time";

export type Labels = Readonly<Record<string, string>>;

export interface VectorEntry {
  readonly metric: Labels;
  readonly value: readonly [number, string];
}

export interface MatrixEntry {
  readonly metric: Labels;
  readonly values?: readonly (readonly [number, string])[];
}

export interface AlertEntry {
  readonly labels: Labels;
  readonly annotations?: Labels;
  readonly state: string;
  readonly activeAt?: string;
}

/** `unreachable`: nothing answered, ask again later. `refused`: the gateway answered that it will not or cannot. */
export class ApiError extends Error {
  constructor(
    readonly kind: "unreachable" | "refused",
    message: string,
  ) {
    super(message);
    this.name = "ApiError";
  }
}

export interface Answer {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  json(): Promise<unknown>;
}
export type Fetch = (url: string, init: { signal: AbortSignal; headers: Record<string, string> }) => Promise<Answer>;

const TIMEOUT_MS = 9_000;

export class Api {
  /** The gateway's clock less this one's, so that a reader's wrong clock does not ask for an empty hour. */
  skew_ms = 0;

  constructor(
    private readonly fetch: Fetch,
    private readonly now: () => number,
  ) {}

  /** Milliseconds by the gateway's clock. */
  now_ms(): number {
    return this.now() + this.skew_ms;
  }

  async instant(query: string, signal: AbortSignal): Promise<VectorEntry[]> {
    return results<VectorEntry>(await this.get("query", { query }, signal), "vector");
  }

  async range(query: string, span: Span, signal: AbortSignal): Promise<MatrixEntry[]> {
    const asked = {
      query,
      start: String(span.start_ms / 1000),
      end: String(span.end_ms / 1000),
      step: String(span.step_ms / 1000),
    };
    return results<MatrixEntry>(await this.get("query_range", asked, signal), "matrix");
  }

  async hostNames(start_ms: number, end_ms: number, signal: AbortSignal): Promise<string[]> {
    const asked = { start: String(start_ms / 1000), end: String(end_ms / 1000) };
    const data = await this.get("label/host/values", asked, signal);
    if (!Array.isArray(data)) throw unexpected("a list of label values");
    return data.filter((name): name is string => typeof name === "string" && name !== "");
  }

  async alerts(signal: AbortSignal): Promise<AlertEntry[]> {
    const data = await this.get("alerts", {}, signal);
    if (!isRecord(data) || !Array.isArray(data["alerts"])) throw unexpected("a list of alerts");
    return data["alerts"].filter((entry) => isRecord(entry) && isRecord(entry["labels"])) as unknown as AlertEntry[];
  }

  private async get(path: string, asked: Record<string, string>, signal: AbortSignal): Promise<unknown> {
    const search = new URLSearchParams(asked).toString();
    const url = `/api/v1/${path}${search === "" ? "" : `?${search}`}`;
    const answer = await this.send(url, signal);
    this.learnSkew(answer.headers.get("date"));
    const body = await answer.json().catch(() => undefined);
    if (isRecord(body) && body["status"] === "success") return body["data"];
    if (isRecord(body) && typeof body["error"] === "string") throw new ApiError("refused", body["error"]);
    const kind = answer.status >= 500 ? "unreachable" : "refused";
    throw new ApiError(kind, `the gateway answered ${answer.status} without a result`);
  }

  private async send(url: string, signal: AbortSignal): Promise<Answer> {
    const limit = AbortSignal.timeout(TIMEOUT_MS);
    try {
      const headers = { accept: "application/json" };
      return await this.fetch(url, { signal: AbortSignal.any([signal, limit]), headers });
    } catch (cause) {
      if (signal.aborted) throw cause;
      const late = limit.aborted ? `gave no answer within ${TIMEOUT_MS / 1000} s` : "does not answer";
      throw new ApiError("unreachable", `the gateway ${late}`);
    }
  }

  private learnSkew(date: string | null): void {
    const theirs_ms = date === null ? Number.NaN : Date.parse(date);
    if (Number.isNaN(theirs_ms)) return;
    const skew_ms = theirs_ms - this.now();
    // The header has whole seconds and has travelled: a small difference says nothing.
    this.skew_ms = Math.abs(skew_ms) > 5_000 ? skew_ms : 0;
  }
}

function results<T>(data: unknown, type: "vector" | "matrix"): T[] {
  if (!isRecord(data) || data["resultType"] !== type || !Array.isArray(data["result"])) throw unexpected(`a ${type}`);
  return data["result"].filter((entry) => isRecord(entry) && isRecord(entry["metric"])) as T[];
}

function unexpected(wanted: string): ApiError {
  return new ApiError("refused", `the gateway's answer is not ${wanted}`);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

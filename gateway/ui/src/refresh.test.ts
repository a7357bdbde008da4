// The loop with a clock that is moved by hand and a gateway that can be made to fail.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Api } from "./api";
import { REFRESH_MS, Refresher } from "./refresh";
import * as state from "./state";

const page = Object.assign(new EventTarget(), { hidden: false });
let asked: URL[] = [];
let isDown = false;
let stop = () => undefined as void;

const RESULTS: Record<string, unknown> = {
  "/api/v1/query": { resultType: "vector", result: [{ metric: { host: "a" }, value: [0, "1"] }, { metric: { host: "b" }, value: [0, "1"] }] },
  "/api/v1/query_range": { resultType: "matrix", result: [] },
  "/api/v1/label/host/values": ["a", "b"],
  "/api/v1/alerts": { alerts: [] },
};

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("document", page);
  vi.stubGlobal("addEventListener", () => undefined);
  page.hidden = false;
  isDown = false;
  asked = [];
  state.freshness.value = { refreshed_ms: null, failure: null, refreshes: 0 };
});

afterEach(() => {
  stop();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function start(): void {
  const api = new Api(async (path) => {
    const url = new URL(path, "http://localhost");
    asked.push(url);
    const body = isDown ? undefined : { status: "success", data: RESULTS[url.pathname] };
    return { status: isDown ? 503 : 200, headers: { get: () => null }, json: async () => body };
  }, Date.now);
  stop = new Refresher(api).start();
}

const pass = (span_ms: number) => vi.advanceTimersByTimeAsync(span_ms);
const refreshes = () => state.freshness.value.refreshes;

test("refreshes at once and then every ten seconds, with few queries however many hosts", async () => {
  start();
  await pass(1);
  expect(refreshes()).toBe(1);
  expect(asked.length).toBe(9);
  expect(state.fleet.value?.hosts.length).toBe(2);
  await pass(3 * REFRESH_MS);
  expect(refreshes()).toBe(4);
});

test("rests while the tab is hidden, and refreshes when it is seen again", async () => {
  start();
  await pass(1);
  page.hidden = true;
  page.dispatchEvent(new Event("visibilitychange"));
  await pass(10 * REFRESH_MS);
  expect(refreshes()).toBe(1);
  page.hidden = false;
  page.dispatchEvent(new Event("visibilitychange"));
  await pass(1);
  expect(refreshes()).toBe(2);
});

test("says that the gateway fails, keeps what it had, tries on, and recovers", async () => {
  start();
  await pass(1);
  isDown = true;
  await pass(REFRESH_MS);
  expect(state.freshness.value).toMatchObject({ failure: "the gateway answered 503 without a result", refreshes: 1 });
  expect(state.fleet.value?.hosts.length).toBe(2);
  isDown = false;
  await pass(REFRESH_MS);
  expect(state.freshness.value).toMatchObject({ failure: null, refreshes: 2 });
});

test("goes where the reader goes without waiting for the next round", async () => {
  start();
  await pass(1);
  state.route.value = { host: "b", range: "1h" };
  await pass(200);
  expect(state.panels.value?.host).toBe("b");
  expect(asked.some((url) => url.searchParams.get("query")?.includes('host="b",mode!="idle"'))).toBe(true);
  state.route.value = { host: null, range: "1h" };
});

import { describe, expect, test } from "vitest";
import { alertsFrom } from "./alerts";
import { downSince, hostsFrom, PAGE_SIZE, pageOf, withSince } from "./hosts";
import { PANELS, panelColumns } from "./panels";
import { hrefOf, parseRoute } from "./route";

const up = (host: string, value: string, more = {}) => ({ metric: { __name__: "up", host, ...more }, value: [0, value] as const });

describe("hosts", () => {
  test("those down come first, names count, those without a heartbeat come last", () => {
    const hosts = hostsFrom([up("web10", "1"), up("web9", "1", { region: "eu" }), up("db", "0")], ["router", "web9"]);
    expect(hosts.map(({ name, state }) => [name, state])).toEqual([["db", "down"], ["web9", "up"], ["web10", "up"], ["router", "silent"]]);
    expect(hosts[1]?.labels).toEqual({ region: "eu" });
  });
  test("a host is down if one of its heartbeats is", () => {
    expect(hostsFrom([up("a", "0"), up("a", "1"), up("b", "1"), up("b", "0")], []).map(({ state }) => state)).toEqual(["down", "down"]);
  });
  test("a heartbeat without a host is nobody's", () => expect(hostsFrom([{ metric: { job: "x" }, value: [0, "1"] }], [])).toEqual([]));
});

describe("down since", () => {
  const zero = (...times_s: number[]) => [{ metric: { host: "a" }, values: times_s.map((time_s) => [time_s, "0"] as const) }];
  test("is the start of the last run", () => expect(downSince(zero(60, 120, 300, 360), 0, 60_000).get("a")).toEqual({ since_ms: 300_000, isBound: false }));
  test("is only a bound when the run fills the span", () => expect(downSince(zero(0, 60, 120), 0, 60_000).get("a")?.isBound).toBe(true));
  test("is unknown without values", () => expect(downSince([{ metric: { host: "a" } }], 0, 60_000).size).toBe(0));
  test("is not shown for a host that is up again", () => {
    const [host] = hostsFrom([up("a", "1")], []);
    expect(withSince(host!, new Map([["a", { since_ms: 5, isBound: false }]]), new Map([["a", 3]])).since_ms).toBe(3);
  });
});

test("pages hold the hosts that match, and a page past the end is the last", () => {
  const hosts = hostsFrom(Array.from({ length: 1000 }, (_, at) => up(`web${at}`, "1")), []);
  expect(pageOf(hosts, "", 0)).toMatchObject({ matching: 1000, pages: Math.ceil(1000 / PAGE_SIZE), page: 0 });
  expect(pageOf(hosts, "", 1e9).shown.at(-1)?.name).toBe("web999");
  expect(pageOf(hosts, " WEB99 ", 3)).toMatchObject({ matching: 11, page: 0, pages: 1 });
  expect(pageOf(hosts, "nowhere", 0)).toMatchObject({ shown: [], matching: 0, page: 0, pages: 1 });
});

describe("addresses", () => {
  test.each(["web01", 'a/b?c#d"%\\', "hôst 😀"])("%s comes back from its own link", (host) => {
    expect(parseRoute(hrefOf({ host, range: "6h" }))).toEqual({ host, range: "6h" });
  });
  test.each(["", "#", "#/host/", "#/host/%E0%A4", "#/nowhere", "#/?range=99y"])("%j is the overview of the last hour", (hash) => {
    expect(parseRoute(hash)).toEqual({ host: null, range: "1h" });
  });
  test("half a character does not stop the page", () => expect(hrefOf({ host: "a\ud800", range: "1h" })).toBe("#/host/a%EF%BF%BD"));
});

test("alerts: firing first, then this host's, then the newest; others left out", () => {
  const alert = (alertname: string, state: string, host: string, minute: number) => ({
    labels: { alertname, host, severity: "page" },
    state,
    activeAt: `2026-01-01T00:0${minute}:00Z`,
  });
  const alerts = alertsFrom(
    [alert("p", "pending", "b", 1), alert("old", "firing", "a", 1), alert("new", "firing", "a", 2), alert("mine", "firing", "b", 0), alert("i", "inactive", "b", 0)],
    "b",
  );
  expect(alerts.map(({ name }) => name)).toEqual(["mine", "new", "old", "p"]);
  expect(alerts[0]).toMatchObject({ host: "b", labels: [["severity", "page"]], summary: "", since_ms: Date.UTC(2026, 0, 1) });
});

describe("panels", () => {
  const span = { start_ms: 0, end_ms: 10_000, step_ms: 10_000 };
  const panel = (id: string) => PANELS.find((one) => one.id === id)!;
  test("memory used is the total less what is available", () => {
    const matrix = [
      { metric: { __name__: "node_memory_MemAvailable_bytes" }, values: [[0, "6"]] as const },
      { metric: { __name__: "node_memory_MemTotal_bytes" }, values: [[0, "16"], [10, "16"]] as const },
    ];
    const { lines } = panelColumns(panel("memory"), matrix, span);
    expect(lines.map(({ name, values }) => [name, ...values])).toEqual([["used", 10, null], ["available", 6, null], ["total", 16, 16]]);
  });
  test("CPU modes keep their order", () => {
    const matrix = ["steal", "user", "system"].map((mode) => ({ metric: { mode }, values: [[0, "1"]] as const }));
    expect(panelColumns(panel("cpu"), matrix, span).lines.map(({ name }) => name)).toEqual(["system", "user", "steal"]);
  });
  test("of many filesystems the fullest eight are drawn", () => {
    const matrix = Array.from({ length: 20 }, (_, at) => ({ metric: { mountpoint: `/${at}` }, values: [[0, String(at)]] as const }));
    const { lines } = panelColumns(panel("filesystem"), matrix, span);
    expect([lines.length, lines[0]?.name, lines[7]?.name]).toEqual([8, "/19", "/12"]);
  });
});

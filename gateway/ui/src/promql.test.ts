import { describe, expect, test } from "vitest";
import { GAUGES } from "./gauges";
import { PANELS } from "./panels";
import { anyOf, isHost, literal, quote, rateWindow } from "./promql";

describe("quote", () => {
  test("keeps plain names as they are", () => expect(quote("web01.example.org")).toBe('"web01.example.org"'));
  test("escapes what would end the string", () => expect(quote('a"} or up{b="\\')).toBe('"a\\"} or up{b=\\"\\\\"'));
  test("escapes control characters", () => expect(quote("a\nb\u0000\u007f")).toBe('"a\\u000ab\\u0000\\u007f"'));
  test("replaces half a character", () => expect(quote("a\ud800b")).toBe('"a\ufffdb"'));
  test("keeps whole characters beyond the basic plane", () => expect(quote("hôst😀")).toBe('"hôst😀"'));
});

test("literal takes the meaning from every special character", () => {
  const special = "a.b+c*d?e(f)g|h[i]j{k}l^m$n\\o-p";
  expect(new RegExp(`^(?:${literal(special)})$`).test(special)).toBe(true);
  expect(new RegExp(`^(?:${literal("a.b")})$`).test("axb")).toBe(false);
});

describe("anyOf", () => {
  test("one host is an equality", () => expect(anyOf(["a.b"])).toBe('host="a.b"'));
  test("several are an alternative of literals", () => expect(anyOf(["a.b", "c|d"])).toBe('host=~"a\\\\.b|c\\\\|d"'));
  test("none matches nothing", () => expect(anyOf([])).toBe('host="",host!=""'));
});

test("a rate's window is never shorter than the step", () => {
  expect(rateWindow(10_000)).toBe("[120s]");
  expect(rateWindow(600_000)).toBe("[600s]");
});

describe("queries", () => {
  const host = 'x"y\\z';
  test.each(PANELS.map((panel) => [panel.id, panel.query(host, 15_000)]))("of panel %s are about the host and balanced", (_, query) => {
    expect(query).toContain(isHost(host));
    expect(bracketsClosed(query)).toBe(true);
  });
  test.each(GAUGES.map((gauge) => [gauge.id, gauge.query(["a", host], 60_000)]))("of gauge %s are about the hosts and balanced", (_, query) => {
    expect(query).toContain(anyOf(["a", host]));
    expect(bracketsClosed(query)).toBe(true);
  });
});

/** Whether brackets outside of strings close in order, and every string ends. */
function bracketsClosed(query: string): boolean {
  const rest = query.replace(/"(?:[^"\\]|\\.)*"/g, "");
  const open: string[] = [];
  for (const sign of rest) {
    if ("({[".includes(sign)) open.push(sign);
    else if (")}]".includes(sign) && `${open.pop()}${sign}` !== { ")": "()", "}": "{}", "]": "[]" }[sign]) return false;
  }
  return open.length === 0 && !rest.includes('"');
}

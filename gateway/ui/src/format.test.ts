import { describe, expect, test } from "vitest";
import { clock, count, figure, lapse, NOTHING, tick } from "./format";

describe("figure", () => {
  test.each([
    [0, "percent", "0.00 %"],
    [9.999, "percent", "10.0 %"],
    [99.97, "percent", "100 %"],
    [0, "bytes", "0 B"],
    [1023, "bytes", "1023 B"],
    [1024, "bytes", "1.00 KiB"],
    [16 * 2 ** 30, "bytes", "16.0 GiB"],
    [999_999, "bytes_per_second", "1.00 MB/s"],
    [12_345_678, "bytes_per_second", "12.3 MB/s"],
    [1e30, "bytes_per_second", "1000000000000000000 TB/s"],
    [0.5, "number", "0.50"],
    [123_456, "number", "123 k"],
    [-2048, "bytes", "-2.00 KiB"],
  ] as const)("%d as %s", (value, unit, text) => {
    expect(figure(value, unit)).toBe(text);
  });

  test.each([null, undefined, Number.NaN, Infinity, -Infinity])("%s is a dash", (value) => {
    expect(figure(value, "percent")).toBe(NOTHING);
  });
});

test("an axis shows round figures without zeros at their end", () => {
  expect(tick(50, "percent")).toBe("50 %");
  expect(tick(100, "percent")).toBe("100 %");
  expect(tick(2.5e6, "bytes_per_second")).toBe("2.5 MB/s");
  expect(tick(2, "number")).toBe("2");
  expect(tick(0.25, "number")).toBe("0.25");
});

test.each([
  [-5, "0 s"],
  [59_999, "59 s"],
  [60_000, "1 min"],
  [3_600_000, "1 h"],
  [3_600_000 * 3 + 20 * 60_000, "3 h 20 min"],
  [86_400_000 * 5 + 3_600_000, "5 d 1 h"],
  [Number.NaN, NOTHING],
])("a lapse of %d ms", (span_ms, text) => {
  expect(lapse(span_ms)).toBe(text);
});

test("a time of day has two digits for each part", () => {
  const time_ms = new Date(2026, 0, 9, 7, 5).getTime();
  expect(clock(time_ms)).toBe("07:05");
  expect(clock(Number.NaN)).toBe(NOTHING);
});

test("counts agree with their noun", () => {
  expect(count(1, "host")).toBe("1 host");
  expect(count(1000, "host")).toBe("1,000 hosts");
});

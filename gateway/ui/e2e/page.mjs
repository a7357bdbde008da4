// Looks at the page in a real browser: `node e2e/page.mjs <base-url> <screenshot.png> [options]`. Prints one line of JSON; exits 0 only
// if hosts and charts with drawn data are there, the page refreshed by itself, and nothing was written to the console as an error.
//   --expect-alert NAME   this alert must be shown as firing
//   --charts a,b,c        the charts that must have data (default: all six; a container may have no disk of its own)
//   --wait-s N            how long to wait for each of these (default 90: young data fill two steps of half a minute)
//   --range 15m           the range looked at (default 1h); 15m has the finest steps
//   --width N, --dark     the window; the overview's picture goes beside the other, with `-overview` in its name
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";

const { values: given, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    "expect-alert": { type: "string" },
    charts: { type: "string", default: "cpu,memory,load,network,disk,filesystem" },
    "wait-s": { type: "string", default: "90" },
    range: { type: "string", default: "1h" },
    width: { type: "string", default: "1280" },
    dark: { type: "boolean", default: false },
  },
});
const [base, screenshot] = positionals;
if (base === undefined || screenshot === undefined) {
  console.error("usage: node e2e/page.mjs <base-url> <screenshot.png> [--expect-alert NAME] [--charts a,b] [--wait-s N] [--range 15m] [--width N] [--dark]");
  process.exit(64);
}
const WAIT_MS = Number(given["wait-s"]) * 1000;
const FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

const report = { ok: false, base, hosts: 0, points: {}, painted: {}, alerts: [], api_requests: 0, refreshes: 0, failures: [] };
const errors = [];
let first;
const profile = await mkdtemp(join(tmpdir(), "weir-page-"));
let browser;

try {
  browser = await launched();
  const page = await watchedPage();
  await page.goto(`${base.replace(/\/$/, "")}/#/?range=${given.range}`);
  await check("a host is listed", () => seesHosts(page));
  await check("a host's small charts have data", () => seesSparklines(page));
  if (given["expect-alert"] !== undefined) await check(`alert ${given["expect-alert"]} fires`, () => seesAlert(page, given["expect-alert"]));
  await page.screenshot({ path: screenshot.replace(/(\.png)?$/, "-overview.png"), fullPage: true });
  await page.locator('[data-host][data-state="up"] a').first().click();
  await check("a host's charts have data", () => seesCharts(page));
  await check("the charts are painted", () => seesPaint(page));
  await check("the page refreshes by itself", () => seesRefresh(page));
  await page.screenshot({ path: screenshot, fullPage: true });
} catch (cause) {
  report.failures.push(String(cause.message ?? cause).split("\n")[0]);
} finally {
  await browser?.close();
  await rm(profile, { recursive: true, force: true });
}
report.failures.push(...errors);
report.ok = report.failures.length === 0;
console.log(JSON.stringify(report));
process.exitCode = report.ok ? 0 : 1;

function launched() {
  return chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: FLAGS,
    viewport: { width: Number(given.width), height: 900 },
    colorScheme: given.dark ? "dark" : "light",
  });
}

/** A page whose every complaint and API request is noted. */
async function watchedPage() {
  const page = browser.pages()[0] ?? (await browser.newPage());
  page.on("console", (message) => message.type() === "error" && errors.push(`console: ${message.text()}`));
  page.on("pageerror", (error) => errors.push(`uncaught: ${error.message}`));
  page.on("request", (request) => {
    if (new URL(request.url()).pathname.startsWith("/api/v1/")) report.api_requests += 1;
    if (!request.url().startsWith(base) && !/^(data|blob|about):/.test(request.url())) errors.push(`asks elsewhere: ${request.url()}`);
  });
  await page.addInitScript(() => {
    addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) => console.error(`content policy: ${violatedDirective} ${blockedURI}`));
  });
  return page;
}

/** Asks again until the answer is true. */
async function check(what, holds) {
  const until = Date.now() + WAIT_MS;
  while (!(await holds())) {
    if (Date.now() > until) throw new Error(`not within ${WAIT_MS / 1000} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

async function seesHosts(page) {
  report.hosts = await page.locator("[data-host]").count();
  return report.hosts > 0 && (await page.locator('[data-host][data-state="up"]').count()) > 0;
}

async function seesSparklines(page) {
  const points = await attributes(page.locator('[data-host][data-state="up"] [data-spark]'), "data-points");
  return points.some((text) => Number(text) >= 2);
}

async function seesAlert(page, name) {
  const rows = page.locator('[data-alert][data-state="firing"]');
  report.alerts = [...new Set(await attributes(rows, "data-alert"))];
  if (!report.alerts.includes(name)) return false;
  return rows.nth((await attributes(rows, "data-alert")).indexOf(name)).isVisible();
}

async function seesCharts(page) {
  const charts = await page.locator("[data-chart]").evaluateAll((all) => all.map(({ dataset }) => [dataset.chart, Number(dataset.points)]));
  report.points = Object.fromEntries(charts);
  return given.charts.split(",").every((id) => (report.points[id] ?? 0) >= 2);
}

/** Counts coloured pixels: axes and grid are nearly grey, lines are not. */
async function seesPaint(page) {
  const painted = await page.locator("[data-chart]").evaluateAll((all) =>
    all.map((chart) => {
      const canvas = chart.querySelector("canvas");
      if (canvas === null || canvas.width === 0 || canvas.height === 0) return [chart.dataset.chart, 0];
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      let coloured = 0;
      for (let at = 0; at < data.length; at += 4) {
        const [red, green, blue] = data.subarray(at, at + 3);
        if (data[at + 3] > 60 && Math.max(red, green, blue) - Math.min(red, green, blue) > 70) coloured += 1;
      }
      return [chart.dataset.chart, coloured];
    }),
  );
  report.painted = Object.fromEntries(painted);
  return given.charts.split(",").every((id) => (report.painted[id] ?? 0) >= 10);
}

/** Two more than when first asked: the first of them may still be the click's. */
async function seesRefresh(page) {
  report.refreshes = Number(await page.locator("[data-refreshes]").getAttribute("data-refreshes"));
  first ??= { refreshes: report.refreshes, requests: report.api_requests };
  return report.refreshes >= first.refreshes + 2 && report.api_requests > first.requests;
}

function attributes(locator, name) {
  return locator.evaluateAll((all, wanted) => all.map((one) => one.getAttribute(wanted) ?? ""), name);
}

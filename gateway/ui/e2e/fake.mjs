// A stand-in for the gateway while working on the page: serves dist/ under the gateway's content policy and makes up figures.
// It understands only the queries this page sends. `node e2e/fake.mjs [--port 9347] [--hosts 3] [--mode full|empty|broken]`
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { extname } from "node:path";
import { parseArgs } from "node:util";

const { values: given } = parseArgs({
  options: { port: { type: "string", default: "9347" }, hosts: { type: "string", default: "3" }, mode: { type: "string", default: "full" } },
});
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'";
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };
const DIST = new URL("../dist/", import.meta.url);
const STARTED_S = Date.now() / 1000;

const HOSTS = given.mode === "empty" ? [] : Array.from({ length: Number(given.hosts) }, (_, at) => (at === 1 ? 'odd"name\\1' : `web${String(at + 1).padStart(2, "0")}`));
const isDown = (host) => host.endsWith("3");
const GIB = 2 ** 30;

// What each query of the page is answered with: the first pattern that fits; [labels, value at a time] of one host.
const wave = (host, t, period_s, salt = 0) => (Math.sin(t / period_s + host.length + host.charCodeAt(host.length - 1) * 3 + salt) + 1) / 2 + Math.abs(Math.sin(t * 7 + salt)) / 6;
const ANSWERS = [
  [/^up( == 0)?|^up\{/, (host) => [[{ __name__: "up", region: "eu-west" }, () => (isDown(host) ? 0 : 1)]]],
  [/node_boot_time/, () => [[{ __name__: "node_boot_time_seconds" }, () => STARTED_S - 277_000]]],
  [/by \(mode\)/, (host) => ["system", "user", "iowait", "steal", "softirq"].map((mode, at) => [{ mode }, (t) => (wave(host, t, 500, at) * 30) / (at + 1)])],
  [/^100 \* \(1 - avg/, (host) => [[{}, (t) => wave(host, t, 500) * 70]]],
  [/^100 \* \(1 - sum/, (host) => [[{}, (t) => 40 + wave(host, t, 2000) * 30]]],
  [/MemTotal\|MemAvail/, (host) => [[{ __name__: "node_memory_MemTotal_bytes" }, () => 16 * GIB], [{ __name__: "node_memory_MemAvailable_bytes" }, (t) => (6 + wave(host, t, 900) * 4) * GIB]]],
  [/node_load\(/, (host) => [1, 5, 15].map((n) => [{ __name__: `node_load${n}` }, (t) => wave(host, t, 100 * n) * 2])],
  [/node_load1/, (host) => [[{}, (t) => wave(host, t, 200) * 2]]],
  [/label_replace.*"(\w+)", "", ""\)\) or|label_replace/, (host, query) => [...query.matchAll(/"way", "(\w+)"/g)].map(([, way], at) => [{ way }, (t) => wave(host, t, 300, at) * 2e6])],
  [/mountpoint/, () => [["/", 61], ["/var/lib/weir", 83], ["/boot", 22]].map(([mountpoint, used]) => [{ mountpoint }, (t) => used + (t % 86400) / 20000])],
  [/rate\(/, (host) => [[{}, (t) => wave(host, t, 300) * 3e6]]],
];

function hostsOf(query) {
  const any = /host=~?"((?:[^"\\]|\\.)*)"/.exec(query);
  if (any === null) return HOSTS;
  const plain = JSON.parse(`"${any[1]}"`);
  return HOSTS.filter((host) => plain === host || plain.replace(/\\(.)/g, "$1").split("|").includes(host));
}

function series(query) {
  const found = ANSWERS.find(([pattern]) => pattern.test(query));
  if (found === undefined) return [];
  const perHost = !/by \((mode|mountpoint)\)|label_replace/.test(query);
  const down = query.endsWith("== 0");
  return hostsOf(query).filter((host) => !down || isDown(host)).flatMap((host) => found[1](host, query).map(([labels, at]) => ({ metric: perHost ? { ...labels, host } : labels, at, host })));
}

function range(asked) {
  const [start, end, step] = ["start", "end", "step"].map((name) => Number(asked.get(name)));
  const times = Array.from({ length: Math.floor((end - start) / step) + 1 }, (_, at) => start + at * step);
  const isDownQuery = asked.get("query").endsWith("== 0");
  const lives = (host, t) => (isDownQuery ? t > STARTED_S - 700 : !isDown(host) || t < STARTED_S - 400);
  const result = series(asked.get("query")).map(({ metric, at, host }) => ({ metric, values: times.filter((t) => lives(host, t)).map((t) => [t, String(at(t))]) }));
  return { resultType: "matrix", result };
}

function alerts() {
  const ago = (minutes) => new Date((STARTED_S - 60 * minutes) * 1000).toISOString();
  const down = HOSTS.filter(isDown).map((host) => ({ labels: { alertname: "instance_down", host, severity: "page" }, annotations: { summary: `${host} has sent no heartbeat for 5 minutes` }, state: "firing", activeAt: ago(6), value: "0e+00" }));
  const full = HOSTS.slice(0, 1).map((host) => ({ labels: { alertname: "filesystem_fills", host, mountpoint: "/var/lib/weir", severity: "ticket" }, annotations: { summary: "will be full in 9 hours" }, state: "pending", activeAt: ago(2), value: "8.3e+01" }));
  return { alerts: [...down, ...full] };
}

function answer(path, asked) {
  const now = Date.now() / 1000;
  if (path === "/api/v1/query") return { resultType: "vector", result: series(asked.get("query")).map(({ metric, at }) => ({ metric, value: [now, String(at(now))] })) };
  if (path === "/api/v1/query_range") return range(asked);
  if (path === "/api/v1/label/host/values") return given.mode === "empty" ? [] : [...HOSTS, "router-7"].slice(0, HOSTS.length + (HOSTS.length > 1 ? 1 : 0));
  return path === "/api/v1/alerts" ? alerts() : undefined;
}

const server = createServer(async ({ url }, reply) => {
  const { pathname, searchParams } = new URL(url, "http://localhost");
  reply.setHeader("content-security-policy", POLICY);
  reply.setHeader("x-content-type-options", "nosniff");
  if (pathname.startsWith("/api/")) {
    const isBroken = given.mode === "broken" && Date.now() / 1000 > STARTED_S + 8;
    reply.writeHead(isBroken ? 503 : 200, { "content-type": "application/json" });
    return reply.end(isBroken ? "" : JSON.stringify({ status: "success", data: answer(pathname, searchParams) }));
  }
  const file = pathname === "/" ? "index.html" : pathname.slice(1).replaceAll("..", "");
  const body = await readFile(new URL(file, DIST)).catch(() => undefined);
  reply.writeHead(body === undefined ? 404 : 200, { "content-type": TYPES[extname(file)] ?? "text/plain" });
  reply.end(body);
});
server.listen(Number(given.port), "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));

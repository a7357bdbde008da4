import { describe, expect, test } from "vitest";
import { Api, ApiError, type Answer } from "./api";

const NEVER = new AbortController().signal;

function answering(status: number, body: unknown, date: string | null = null) {
  const asked: string[] = [];
  const api = new Api(
    (url) => {
      asked.push(url);
      const json = () => (body === undefined ? Promise.reject(new SyntaxError("not JSON")) : Promise.resolve(body));
      const answer: Answer = { status, headers: { get: () => date }, json };
      return Promise.resolve(answer);
    },
    () => 1_000_000,
  );
  return { api, asked };
}

const good = (data: unknown) => ({ status: "success", data });

test("a range is asked in seconds, with the query escaped", async () => {
  const { api, asked } = answering(200, good({ resultType: "matrix", result: [] }));
  await api.range('up{host="a&b"}', { start_ms: 10_500, end_ms: 20_500, step_ms: 500 }, NEVER);
  const url = new URL(asked[0] ?? "", "http://localhost");
  expect(url.pathname).toBe("/api/v1/query_range");
  expect(Object.fromEntries(url.searchParams)).toEqual({ query: 'up{host="a&b"}', start: "10.5", end: "20.5", step: "0.5" });
});

test("a vector comes back as it is, without what is no entry", async () => {
  const entry = { metric: { host: "a" }, value: [1, "1"] };
  const { api } = answering(200, good({ resultType: "vector", result: [entry, null, 7, { metric: null }] }));
  expect(await api.instant("up", NEVER)).toEqual([entry]);
});

describe("errors", () => {
  const failure = async (status: number, body: unknown): Promise<ApiError> => {
    const { api } = answering(status, body);
    return api.instant("up", NEVER).then(
      () => Promise.reject(new Error("no error")),
      (error: unknown) => error as ApiError,
    );
  };

  test("an error in Prometheus' form is refused with its own words", async () => {
    const error = await failure(422, { status: "error", errorType: "execution", error: "too many samples" });
    expect([error.kind, error.message]).toEqual(["refused", "too many samples"]);
  });
  test("a server's error without a body is a gateway out of reach", async () => {
    const error = await failure(503, undefined);
    expect([error.kind, error.message]).toEqual(["unreachable", "the gateway answered 503 without a result"]);
  });
  test("a page instead of JSON is refused", async () => expect((await failure(200, undefined)).kind).toBe("refused"));
  test("another type of result is refused", async () => {
    expect((await failure(200, good({ resultType: "matrix", result: [] }))).message).toBe("the gateway's answer is not a vector");
    expect((await failure(200, good(null))).kind).toBe("refused");
  });

  test("no connection is a gateway out of reach", async () => {
    const api = new Api(() => Promise.reject(new TypeError("failed to fetch")), () => 0);
    await expect(api.alerts(NEVER)).rejects.toMatchObject({ kind: "unreachable", message: "the gateway does not answer" });
  });
  test("what the page itself gave up is not called a failure of the gateway", async () => {
    const given = new AbortController();
    given.abort();
    const api = new Api((_, { signal }) => Promise.reject(signal.reason), () => 0);
    await expect(api.alerts(given.signal)).rejects.toMatchObject({ name: "AbortError" });
  });
});

describe("the gateway's clock", () => {
  const nowAfter = async (date: string | null) => {
    const { api } = answering(200, good([]), date);
    await api.hostNames(0, 1, NEVER);
    return api.now_ms();
  };
  test("replaces a reader's clock that is wrong", async () => expect(await nowAfter(new Date(4_000_000).toUTCString())).toBe(4_000_000));
  test("is left alone when it nearly agrees", async () => expect(await nowAfter(new Date(1_003_000).toUTCString())).toBe(1_000_000));
  test("is left alone when it says nothing", async () => expect(await nowAfter("soon")).toBe(1_000_000));
});

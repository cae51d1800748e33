import { expect, test } from "vitest";
import { SingleFlight } from "./single-flight.ts";
import { failureOf, never } from "./testing/test-client.ts";

test("equal calls share a run, later ones start a new one", async () => {
  const flights = new SingleFlight<number>();
  let runs = 0;
  const run = (): Promise<number> => flights.run("k", never, async () => ++runs);
  expect(await Promise.all([run(), run()])).toEqual([1, 1]);
  expect(await run()).toBe(2);
});

test("one caller's abort leaves the others their run; the last one's ends it", async () => {
  const flights = new SingleFlight<number>();
  const [first, second] = [new AbortController(), new AbortController()];
  let inner: AbortSignal | undefined;
  const body = (signal: AbortSignal): Promise<number> => {
    inner = signal;
    return new Promise(() => undefined);
  };
  const [one, two] = [first, second].map(({ signal }) => failureOf(flights.run("k", signal, body)));
  first.abort(new Error("one"));
  expect((await one)?.message).toBe("one");
  expect(inner?.aborted).toBe(false);
  second.abort(new Error("two"));
  expect((await two)?.message).toBe("two");
  expect(inner?.aborted).toBe(true);
});

test("a failure reaches every caller and is not kept", async () => {
  const flights = new SingleFlight<number>();
  const failure = new Error("no");
  const run = (): Promise<number> => flights.run("k", never, () => Promise.reject(failure));
  expect(await Promise.all([failureOf(run()), failureOf(run())])).toEqual([failure, failure]);
  expect(await flights.run("k", never, async () => 1)).toBe(1);
});

import { expect, test } from "vitest";
import { HostGate } from "./host-gate.ts";
import type { Urgency } from "./host-gate.ts";
import { failureOf, FakeClock, never } from "./testing/test-client.ts";

/** Starts a holder that stays until it is let go. */
function hold(gate: HostGate, urgency: Urgency, name: string, log: string[], signal = never): () => void {
  const { promise, resolve } = Promise.withResolvers<void>();
  void gate
    .use(urgency, signal, () => {
      log.push(name);
      return promise;
    })
    .catch(() => undefined);
  return resolve;
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("no more than the limit run at a time; manifests have one place more and go first", async () => {
  const gate = new HostGate(2, new FakeClock());
  const log: string[] = [];
  const first = hold(gate, "blob", "b1", log);
  hold(gate, "blob", "b2", log);
  hold(gate, "blob", "b3", log);
  const manifest = hold(gate, "manifest", "m1", log);
  hold(gate, "manifest", "m2", log);
  await settle();
  expect(log).toEqual(["b1", "b2", "m1"]);
  first();
  await settle();
  expect(log).toEqual(["b1", "b2", "m1", "m2"]);
  manifest();
  await settle();
  expect(log).toEqual(["b1", "b2", "m1", "m2"]);
});

test("who gives up while waiting takes no place", async () => {
  const gate = new HostGate(1, new FakeClock());
  const log: string[] = [];
  const stop = new AbortController();
  const first = hold(gate, "blob", "first", log);
  const waiting = gate.use("blob", stop.signal, async () => void log.push("second"));
  hold(gate, "blob", "third", log);
  const reason = new Error("stop");
  stop.abort(reason);
  expect(await failureOf(waiting)).toBe(reason);
  first();
  await settle();
  expect(log).toEqual(["first", "third"]);
});

test("who is aborted as a place is given to him does not begin", async () => {
  const gate = new HostGate(1, new FakeClock());
  const log: string[] = [];
  const stop = new AbortController();
  const first = hold(gate, "blob", "first", log);
  const second = gate.use("blob", stop.signal, async () => void log.push("second"));
  await settle();
  first();
  await Promise.resolve().then(() => stop.abort(new Error("stop")));
  expect((await failureOf(second)).message).toBe("stop");
  expect(await gate.use("blob", never, async () => log)).toEqual(["first"]);
});

test("a place is given back after a failure", async () => {
  const gate = new HostGate(1, new FakeClock());
  const failure = new Error("no");
  expect(await failureOf(gate.use("blob", never, () => Promise.reject(failure)))).toBe(failure);
  expect(await gate.use("blob", never, async () => 7)).toBe(7);
});

test("rest that was asked for is waited for once it is needed", async () => {
  const clock = new FakeClock();
  const gate = new HostGate(1, clock);
  gate.rest(500);
  gate.rest(200);
  await gate.rested(never);
  await gate.rested(never);
  expect(clock.slept).toEqual([500]);
});

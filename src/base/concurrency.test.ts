import { expect, test } from "vitest";
import { mapLimit, Semaphore } from "./concurrency.ts";

const never = new AbortController().signal;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("no more than the limit run at a time, and results keep the order of their items", async () => {
  let running = 0;
  let most = 0;
  const results = await mapLimit([3, 1, 2, 5, 4], 2, never, async (item, _signal, index) => {
    most = Math.max(most, ++running);
    for (let i = 0; i < item; i++) await turn();
    running--;
    return `${index}:${item}`;
  });
  expect(results).toEqual(["0:3", "1:1", "2:2", "3:5", "4:4"]);
  expect(most).toBe(2);
});

test("the first failure stops the others, is waited out with them, and is what is thrown", async () => {
  const failure = new Error("first");
  const ended: number[] = [];
  const started: number[] = [];
  const work = mapLimit([0, 1, 2, 3], 2, never, async (item, signal) => {
    started.push(item);
    if (item === 1) throw failure;
    await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    await turn();
    ended.push(item);
    throw signal.reason;
  });
  await expect(work).rejects.toBe(failure);
  expect([started, ended]).toEqual([[0, 1], [0]]);
});

test("an abort from outside ends what runs and what waits with its reason", async () => {
  const stop = new AbortController();
  const reason = new Error("stop");
  let started = 0;
  const work = mapLimit([0, 1], 1, stop.signal, async (_item, signal) => {
    started++;
    setImmediate(() => stop.abort(reason));
    await new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  });
  await expect(work).rejects.toBe(reason);
  expect(started).toBe(1);
});

test("places are given in order of arrival, given back after a failure, and not taken by who gave up", async () => {
  const gate = new Semaphore(1);
  const order: string[] = [];
  const hold = Promise.withResolvers<void>();
  const first = gate.use(never, () => hold.promise);
  const stop = new AbortController();
  const gone = gate.use(stop.signal, async () => void order.push("gone"));
  const second = gate.use(never, async () => {
    order.push("second");
    throw new Error("failed");
  });
  const third = gate.use(never, async () => void order.push("third"));
  stop.abort(new Error("gave up"));
  await expect(gone).rejects.toThrow("gave up");
  hold.resolve();
  await first;
  await expect(second).rejects.toThrow("failed");
  await third;
  expect(order).toEqual(["second", "third"]);
  await expect(gate.use(stop.signal, async () => 1)).rejects.toThrow("gave up");
});

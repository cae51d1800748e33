import { expect, test } from "vitest";
import { runSteps, takeSteps } from "./steps.ts";

const never = new AbortController().signal;

function* busy(milliseconds: number, left: string[] = []): Generator<void, string> {
  try {
    for (let step = 0; step < 100; step++) {
      const end = performance.now() + milliseconds;
      while (performance.now() < end);
      yield;
    }
    return "done";
  } finally {
    left.push("left");
  }
}

test("a long work lets others have their turn, and answers in the end", async () => {
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  await expect(takeSteps(busy(2), never)).resolves.toBe("done");
  clearInterval(timer);
  expect(turns).toBeGreaterThan(2);
  expect(runSteps(busy(0))).toBe("done");
});

test("it ends soon after its signal is aborted, and gives up what it holds", async () => {
  const stop = new AbortController();
  const left: string[] = [];
  setTimeout(() => stop.abort(new Error("enough")), 5);
  const begin = performance.now();
  await expect(takeSteps(busy(20, left), stop.signal)).rejects.toThrow("enough");
  expect(performance.now() - begin).toBeLessThan(1000);
  expect(left).toEqual(["left"]);
});

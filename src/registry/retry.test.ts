import fc from "fast-check";
import { expect, test } from "vitest";
import { RegistryError } from "./errors.ts";
import { parseRetryAfter } from "./retry-after.ts";
import { DEFAULT_RETRY, retry, systemClock } from "./retry.ts";
import { failureOf, FakeClock, never } from "./testing/test-client.ts";

const broken = new RegistryError("REGISTRY_UNREACHABLE", "broken", { retryable: true });

test("waits double, stay below their cap, and are anywhere below their bound", async () => {
  const clock = new FakeClock();
  const error = await failureOf(
    retry(() => Promise.reject(broken), { policy: { ...DEFAULT_RETRY, attempts: 9 }, clock }, never),
  );
  expect(clock.slept).toEqual([150, 300, 600, 1200, 2400, 4800, 5000, 5000]);
  expect(error.message).toBe("broken (tried 9 times)");
});

test("an error may be worth fewer attempts", async () => {
  const once = new RegistryError("REGISTRY_UNREACHABLE", "gone", { retryable: true, attemptLimit: 2 });
  let attempts = 0;
  const attempt = (): Promise<never> => {
    attempts++;
    return Promise.reject(once);
  };
  await failureOf(retry(attempt, { policy: DEFAULT_RETRY, clock: new FakeClock() }, never));
  expect(attempts).toBe(2);
});

test("what is no registry's failure is not tried again", async () => {
  const bug = new TypeError("bug");
  expect(
    await failureOf(retry(() => Promise.reject(bug), { policy: DEFAULT_RETRY, clock: new FakeClock() }, never)),
  ).toBe(bug);
});

test("headway starts the count again", async () => {
  let attempts = 0;
  const attempt = async (_previous: unknown, headway: () => void): Promise<number> => {
    if (attempts++ < 20) {
      headway();
      throw broken;
    }
    return attempts;
  };
  expect(await retry(attempt, { policy: DEFAULT_RETRY, clock: new FakeClock() }, never)).toBe(21);
});

test("an abort ends a real wait at once", async () => {
  const stop = new AbortController();
  const reason = new Error("stop");
  setTimeout(() => stop.abort(reason), 10);
  const start = performance.now();
  expect(await failureOf(systemClock.sleep(60_000, stop.signal))).toBe(reason);
  expect(performance.now() - start).toBeLessThan(5000);
});

test("Retry-After in seconds", () => {
  fc.assert(fc.property(fc.nat(), (seconds) => parseRetryAfter(` ${seconds} `, undefined, 0) === seconds * 1000));
});

test("Retry-After as a date is a difference to the answer's own date, whatever our clock says", () => {
  const second = fc.integer({ min: 0, max: 4_000_000_000 });
  fc.assert(
    fc.property(second, fc.integer({ min: -1000, max: 1000 }), fc.integer(), (date, difference, now) => {
      const at = (seconds: number): string => new Date(seconds * 1000).toUTCString();
      const expected = Math.max(0, difference * 1000);
      expect(parseRetryAfter(at(date + 2000 + difference), at(date + 2000), now)).toBe(expected);
    }),
  );
});

test.each([undefined, "", "soon", "-5", "1e9", "Wed, 99 Foo 2026 07:28:00 GMT", "2026-01-01"])(
  "Retry-After %s says nothing",
  (value) => {
    expect(parseRetryAfter(value, undefined, 0)).toBeUndefined();
  },
);

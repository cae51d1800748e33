import { expect, test } from "vitest";
import { ARM64 } from "../../sys/trace/machines/arm64.ts";
import { X86_64 } from "../../sys/trace/machines/x86-64.ts";
import * as filtered from "../seccomp/call-numbers.ts";
import { byNumber, guestFilter, guestHandlers } from "./watched-calls.ts";

const MACHINES = [
  ["x86-64", X86_64, filtered.X86_64],
  ["arm64", ARM64, filtered.ARM64],
] as const;

test.each(MACHINES)("calls of %s have the numbers that its filter knows", (_, { calls }, numbers) => {
  const wrong = Object.entries(calls).filter(([name, nr]) => (numbers.get(name) ?? nr) !== nr);
  expect(wrong).toEqual([]);
});

test.each(MACHINES)("all calls that are watched on x86-64 are on %s, where it has them", (_, machine, numbers) => {
  const none = { emulators: new Map(), everTraced: new Set<number>(), links: { below: String, called: String } };
  const handlers = byNumber(guestHandlers(none), machine);
  const missing = guestFilter().trace.filter((name) => numbers.has(name) && !handlers.has(numbers.get(name) ?? -1));
  expect(missing).toEqual([]);
});

import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { ARM64 } from "./arm64.ts";
import type { Machine } from "./machine.ts";
import { NEW_CALLS } from "./new-calls.ts";
import { X86_64 } from "./x86-64.ts";

/** Of Debian's linux-libc-dev, which x86-64 and arm64 machines have in part or both. */
const HEADERS: readonly (readonly [name: string, machine: Machine, header: string])[] = [
  ["x86-64", X86_64, "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"],
  ["arm64", ARM64, "/usr/include/asm-generic/unistd.h"],
];

test.for(HEADERS)("%s has the numbers of the kernel's header", ([, { calls }, header], context) => {
  if (!existsSync(header)) context.skip(`${header} is not there`);
  const said = numbersIn(readFileSync(header, "utf8"));
  const wrong = Object.entries(calls).filter(([name, nr]) => (said.get(name) ?? nr) !== nr);
  expect(wrong).toEqual([]);
  const known = Object.keys(calls).filter((name) => said.has(name));
  expect(known.length).toBeGreaterThan(Object.keys(calls).length - 9);
});

test("a number is one call, and no new one is older than the others", () => {
  for (const { calls } of [X86_64, ARM64]) {
    const numbers = Object.values(calls);
    expect(new Set(numbers).size).toBe(numbers.length);
  }
  expect(Math.min(...Object.values(NEW_CALLS))).toBe(424);
});

/** `__NR3264_fstatat` has another name on 64-bit machines. */
function numbersIn(header: string): ReadonlyMap<string, number> {
  const lines = header.matchAll(/^#define __NR(?:3264)?_(\w+)\s+(\d+)$/gm);
  return new Map([...lines].map(([, name = "", nr]) => [name === "fstatat" ? "newfstatat" : name, Number(nr)]));
}

import { execPath } from "node:process";
import { expect, test } from "vitest";
import { ARM64 } from "../../sys/trace/machines/arm64.ts";
import { isMachineKnown, ownMachine } from "../../sys/trace/machines/own-machine.ts";
import { X86_64 } from "../../sys/trace/machines/x86-64.ts";
import { classify, readProgram } from "./program-file.ts";

const nothing = (): Buffer => Buffer.alloc(0);

test.each([
  ["#!/bin/sh\n", { kind: "script", interpreter: "/bin/sh", argument: [] }],
  ["#! /usr/bin/env  -S a b \nrest", { kind: "script", interpreter: "/usr/bin/env", argument: ["-S a b"] }],
  ["#!\n", { kind: "unknown" }],
  ["garbage", { kind: "unknown" }],
  ["\x7fELF", { kind: "unknown" }],
])("%j", (text, expected) => {
  expect(classify(Buffer.from(text, "latin1"), X86_64.elf, nothing)).toEqual(expected);
});

test.runIf(isMachineKnown())("programs of this machine name their loaders", () => {
  expect(readProgram(execPath, ownMachine().elf)).toMatchObject({
    kind: "dynamic",
    loader: expect.stringMatching(/^\/lib(64)?\/ld-/) as string,
  });
});

test("those of other machines are foreign", () => {
  const head = Buffer.alloc(64);
  head.write("\x7fELF\x02\x01", "latin1");
  head.writeUInt16LE(183, 18);
  expect(classify(head, X86_64.elf, nothing)).toEqual({ kind: "foreign", machine: 183 });
  expect(classify(head, ARM64.elf, nothing)).toEqual({ kind: "static" });
  head[5] = 2;
  head.writeUInt16BE(22, 18);
  expect(classify(head, X86_64.elf, nothing)).toEqual({ kind: "foreign", machine: 22 });
});

test("a table of nonsense is no endless search", () => {
  const head = Buffer.alloc(64);
  head.write("\x7fELF\x02\x01", "latin1");
  head.writeUInt16LE(62, 18);
  head.writeUInt16LE(0, 54);
  head.writeUInt16LE(0xffff, 56);
  expect(classify(head, X86_64.elf, nothing)).toEqual({ kind: "static" });
});

import { execPath } from "node:process";
import { expect, test } from "vitest";
import { classify, readProgram } from "./program-file.ts";

const nothing = (): Buffer => Buffer.alloc(0);

test.each([
  ["#!/bin/sh\n", { kind: "script", interpreter: "/bin/sh", argument: [] }],
  ["#! /usr/bin/env  -S a b \nrest", { kind: "script", interpreter: "/usr/bin/env", argument: ["-S a b"] }],
  ["#!\n", { kind: "unknown" }],
  ["garbage", { kind: "unknown" }],
  ["\x7fELF", { kind: "unknown" }],
])("%j", (text, expected) => {
  expect(classify(Buffer.from(text, "latin1"), nothing)).toEqual(expected);
});

test.runIf(process.arch === "x64")("programs of this machine name their loaders", () => {
  expect(readProgram(execPath)).toMatchObject({
    kind: "dynamic",
    loader: expect.stringMatching(/^\/lib64\/ld-/) as string,
  });
});

test("those of other machines are foreign", () => {
  const head = Buffer.alloc(64);
  head.write("\x7fELF\x02\x01", "latin1");
  head.writeUInt16LE(183, 18);
  expect(classify(head, nothing)).toEqual({ kind: "foreign", machine: 183 });
  head[5] = 2;
  head.writeUInt16BE(22, 18);
  expect(classify(head, nothing)).toEqual({ kind: "foreign", machine: 22 });
});

test("a table of nonsense is no endless search", () => {
  const head = Buffer.alloc(64);
  head.write("\x7fELF\x02\x01", "latin1");
  head.writeUInt16LE(62, 18);
  head.writeUInt16LE(0, 54);
  head.writeUInt16LE(0xffff, 56);
  expect(classify(head, nothing)).toEqual({ kind: "static" });
});

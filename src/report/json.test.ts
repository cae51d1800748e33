import { expect, test } from "vitest";
import { AppError } from "../base/errors.ts";
import { lineRange } from "../base/source.ts";
import { encodeEvent, openJson } from "./json.ts";
import { COMPILE, SAMPLE_BUILD } from "./testing/sample-build.ts";

test("each event is an object on a line", () => {
  const lines: string[] = [];
  const progress = openJson((text) => lines.push(text));
  for (const event of SAMPLE_BUILD) progress.emit(event);
  expect(lines).toHaveLength(SAMPLE_BUILD.length);
  for (const [index, line] of lines.entries()) {
    expect(line.endsWith("\n") && line.indexOf("\n") === line.length - 1).toBe(true);
    expect(JSON.parse(line)).toMatchObject({ kind: SAMPLE_BUILD[index]?.kind, time: SAMPLE_BUILD[index]?.time });
  }
});

test("of a transfer's progress comes what a bar needs", () => {
  const lines: string[] = [];
  const progress = openJson((text) => lines.push(text));
  const push = {
    kind: "transfer",
    direction: "push",
    what: "layer",
    repository: "r",
    digest: "d",
    total: 1000,
  } as const;
  progress.emit({ ...push, time: 0, state: { kind: "started" } });
  for (let at = 1; at < 1000; at++) progress.emit({ ...push, time: at, state: { kind: "progress", bytes: at } });
  progress.emit({ ...push, time: 1000, state: { kind: "done", milliseconds: 1000 } });
  const states = lines.map((line) => (JSON.parse(line) as typeof push & { state: object }).state);
  expect(states).toEqual([
    { kind: "started" },
    ...[200, 400, 600, 800].map((bytes) => ({ kind: "progress", bytes })),
    { kind: "done", milliseconds: 1000 },
  ]);
});

test.each([new Uint8Array([0xff, 0x1b, 0x0a]), Buffer.from([0xff, 0x1b, 0x0a])])("output is base64: %o", (data) => {
  const text = encodeEvent({ time: 1, kind: "step.output", step: COMPILE.step, stream: "stderr", data });
  expect(JSON.parse(text)).toEqual({ time: 1, kind: "step.output", step: "c", stream: "stderr", data: "/xsK" });
});

test("errors and places are data, without causes and the file's text", () => {
  const source = lineRange({ name: "Dockerfile", text: "FROM secret\n" }, 1);
  const error = new AppError("RUN_FAILED", "exit code 1", { hint: "look", source, cause: new Error("inner") });
  const text = encodeEvent({ time: 1, kind: "step.failed", ...COMPILE, milliseconds: 5, error });
  expect(JSON.parse(text)).toMatchObject({
    error: {
      code: "RUN_FAILED",
      message: "exit code 1",
      hint: "look",
      source: { file: "Dockerfile", start: { line: 1, column: 1 } },
    },
  });
  expect(text).not.toMatch(/FROM secret|inner|stack/);
});

test("what would drive a terminal is escaped", () => {
  const message = "a\x1b[2J\u009b2J\u202eb\u2028";
  const text = encodeEvent({ time: 1, kind: "note", level: "info", code: "X", message });
  expect(text).toMatch(/^[\x20-\x7e]+$/);
  expect(JSON.parse(text)).toMatchObject({ message });
});

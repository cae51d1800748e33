import { expect, test } from "vitest";
import { lineRange } from "../base/source.ts";
import type { BuildEventBody, Note } from "../engine/events.ts";
import { notesOnce } from "./notes-once.ts";

const FILE = { name: "Dockerfile", text: "FROM a\nFROM a\n" };
const note = (more: Partial<Note> = {}): Note => {
  return { kind: "note", level: "warning", code: "StageNameCasing", message: "it differs", ...more };
};

test("a note is told once, and at each place", () => {
  const told: BuildEventBody[] = [];
  const emit = notesOnce((event) => told.push(event));
  const first = note({ source: lineRange(FILE, 1) });
  const second = note({ source: lineRange(FILE, 2) });
  const other = note({ message: "it is another" });
  for (const event of [first, second, note(), first, { ...second }, other, note()]) emit(event);
  expect(told).toEqual([first, second, note(), other]);
});

test("what happens is told as often as it does", () => {
  const told: BuildEventBody[] = [];
  const emit = notesOnce((event) => told.push(event));
  const planned: BuildEventBody = { kind: "build.planned", steps: 1, stages: [] };
  for (const event of [planned, planned]) emit(event);
  expect(told).toEqual([planned, planned]);
});

import { expect, test } from "vitest";
import { parsePlatform } from "../oci/platform.ts";
import { GraphBuilder, stepId } from "./graph.ts";
import type { CopyStep, Step, StepId } from "./types.ts";

const label = (target: string, text = "x") => ({ stage: "s 1/1", text, target: parsePlatform(target) });
const SCRATCH: Step = { kind: "scratch" };
const COPY: CopyStep = {
  kind: "copy",
  base: stepId(SCRATCH),
  from: stepId(SCRATCH),
  paths: ["a", "b"],
  destination: "/d",
  intoDirectory: false,
};

test("an equal step is the one that is there, with a label for each platform", () => {
  const graph = new GraphBuilder();
  const one = graph.add(SCRATCH, label("linux/amd64", "first"));
  expect(graph.add({ kind: "scratch" }, label("linux/amd64", "second"))).toBe(one);
  graph.add({ kind: "scratch" }, label("linux/arm64", "third"));
  const { steps, labels } = graph.finish();
  expect(steps.size).toBe(1);
  expect(labels.get(one)!.map(({ text }) => text)).toEqual(["first", "third"]);
});

test("a RUN that may see another name of its machine is another step", () => {
  const run: Step = {
    kind: "run",
    base: COPY.base,
    argv: ["hostname"],
    env: [],
    hiddenEnv: [],
    cwd: "/",
    user: "",
    network: "host",
    platform: parsePlatform("linux/amd64"),
  };
  expect(new Set([run, { ...run, hostname: "a" }, { ...run, hostname: "b" }].map(stepId)).size).toBe(3);
});

test("everything a step says is part of its id", () => {
  const others: Step[] = [
    { ...COPY, base: "x" as StepId },
    { ...COPY, from: "x" as StepId },
    { ...COPY, paths: ["ab"] },
    { ...COPY, paths: ["a", "b", ""] },
    { ...COPY, destination: "/e" },
    { ...COPY, intoDirectory: true },
    { ...COPY, owner: "" },
    { ...COPY, mode: 0 },
    { kind: "mkdir", base: COPY.base, path: "/d" },
    { kind: "context", directory: "/d", ignore: [] },
    { kind: "context", directory: "/d", ignore: ["x"] },
  ];
  expect(new Set([COPY, ...others].map(stepId)).size).toBe(others.length + 1);
  expect(stepId({ ...COPY, owner: undefined })).toBe(stepId(COPY));
});

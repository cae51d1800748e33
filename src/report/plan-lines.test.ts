import { expect, test } from "vitest";
import type { StagePlan } from "../engine/events.ts";
import { planLines, planText } from "./plan-lines.ts";

const run = { line: 3, text: "RUN make", platform: "linux/amd64", emulator: null };
const emulator = "under qemu-aarch64-static 7.2.22, own binfmt_misc handler";

function stage(more: Partial<StagePlan>): StagePlan {
  return {
    index: 0,
    name: "build",
    line: 1,
    target: "linux/amd64",
    platform: "linux/amd64",
    strategy: "native",
    reason: "this machine runs linux/amd64",
    steps: 4,
    shared: 2,
    runs: [run],
    ...more,
  };
}

const ARM64 = { target: "linux/arm64", platform: "linux/arm64" };
const emulated = stage({
  ...ARM64,
  strategy: "emulated",
  reason: `1 of 1 RUN ${emulator}`,
  runs: [{ ...run, ...ARM64, emulator }],
});
const shared = { index: 1, name: "web", strategy: "shared", reason: "the same for every platform: made once" } as const;
const last = { index: 2, name: "stage-2", reason: "no RUN: files only", runs: [] };
const STAGES = [
  stage({}),
  emulated,
  stage(shared),
  stage({ ...shared, ...ARM64 }),
  stage(last),
  stage({ ...last, ...ARM64 }),
];

test("a build says how its stages with a RUN come to be made, those of one way together", () => {
  expect(planLines(STAGES)).toEqual([
    "plan:  build  linux/amd64        native    this machine runs linux/amd64",
    `plan:  build  linux/arm64        emulated  1 of 1 RUN ${emulator}`,
    "plan:  web    linux/amd64+arm64  shared    the same for every platform: made once",
  ]);
});

test("nothing is said where it is no news", () => {
  expect(planLines([stage({})])).toEqual([]);
  expect(planLines([emulated])).toHaveLength(1);
  expect(planLines([stage({}), stage(ARM64)])).toHaveLength(1);
});

test("the whole plan, with what a terminal must not see taken out", () => {
  const text = planText({
    dockerfile: "Dockerfile",
    machine: "linux/amd64",
    platforms: ["linux/amd64", "linux/arm64"],
    stages: STAGES,
    shared: [{ stage: "web 1/2", text: "RUN \u001b[31mred", platforms: ["linux/amd64", "linux/arm64"] }],
    fetches: [
      {
        image: "busybox:latest",
        platform: "linux/arm64",
        digest: `sha256:${"1".repeat(64)}`,
        size: 2_000_000,
        reason: "a RUN runs on it",
      },
    ],
  });
  expect(text).not.toContain("\u001b");
  expect(text.split("\n")).toEqual([
    "Dockerfile for linux/amd64+arm64, on linux/amd64",
    "",
    "Stages:",
    "  STAGE    LINE  PLATFORM     STRATEGY  STEPS  SHARED  WHY",
    "  build    1     linux/amd64  native    4      2       this machine runs linux/amd64",
    `  build    1     linux/arm64  emulated  4      2       1 of 1 RUN ${emulator}`,
    "  web      1     linux/amd64  shared    4      2       the same for every platform: made once",
    "  web      1     linux/arm64  shared    4      2       the same for every platform: made once",
    "  stage-2  1     linux/amd64  native    4      2       no RUN: files only",
    "  stage-2  1     linux/arm64  native    4      2       no RUN: files only",
    "",
    "RUNs that need an emulator:",
    `  Dockerfile:3  linux/arm64  RUN make  ${emulator}`,
    "",
    "Made once for several platforms:",
    expect.stringMatching(/^ {2}linux\/amd64\+arm64 {2}web 1\/2 {2}RUN .*red$/),
    "",
    "Fetched from registries, at most:",
    "  2.0 MB  busybox:latest  linux/arm64  sha256:111111111111  a RUN runs on it",
    "  2.0 MB  in all",
    "",
  ]);
});

import { expect, test } from "vitest";
import { Images, plan } from "../frontend/dockerfile/to-graph/plan-fixture.ts";
import type { DockerfilePlan } from "../frontend/dockerfile/to-graph/request.ts";
import { parsePlatform } from "../oci/platform.ts";
import { planFetches, type Present } from "../plan/fetches.ts";
import { planStages } from "../plan/stages.ts";
import { refusalOf } from "../plan/refusal.ts";
import type { RungChoice } from "../sandbox/rung.ts";
import { chooseStrategies, foreignArchitectures, missingEmulator } from "../plan/strategies.ts";
import type { Emulation } from "../sandbox/emulation/types.ts";

const AMD64 = parsePlatform("linux/amd64");
const PLATFORMS = ["linux/amd64", "linux/arm64"];
const QEMU: Emulation = {
  kind: "own",
  qemu: { architecture: "arm64", path: "/usr/bin/qemu-aarch64-static", version: "7.2.22", keepsName: true },
};

function stagesOf(planned: DockerfilePlan, arm64: Emulation = QEMU): readonly string[] {
  const strategies = chooseStrategies(planned, { platform: AMD64, emulation: new Map([["arm64", arm64]]) });
  return planStages(planned, strategies).map(
    ({ name, target, strategy, steps, shared, reason }) => `${name} ${target} ${strategy} ${shared}/${steps} ${reason}`,
  );
}

test("each stage of each platform has a strategy and a reason", async () => {
  const text =
    "FROM --platform=$BUILDPLATFORM a AS once\nRUN one\n" +
    "FROM --platform=$BUILDPLATFORM a AS build\nRUN one\nARG TARGETARCH\nRUN two\n" +
    "FROM b\nCOPY --from=once /x /\nCOPY --from=build /y /\nRUN three\nRUN four\n";
  expect(stagesOf(await plan(text, { platforms: PLATFORMS }))).toEqual([
    "once linux/amd64 shared 2/2 the same for every platform: made once",
    "once linux/arm64 shared 2/2 the same for every platform: made once",
    "build linux/amd64 native 2/3 this machine runs linux/amd64",
    "build linux/arm64 cross 2/3 --platform of its FROM: runs on linux/amd64",
    "stage-2 linux/amd64 native 0/5 this machine runs linux/amd64",
    "stage-2 linux/arm64 emulated 0/5 2 of 2 RUNs under qemu-aarch64-static 7.2.22, own binfmt_misc handler",
  ]);
});

test("variants of one architecture are told apart", async () => {
  const text =
    "FROM --platform=$BUILDPLATFORM a AS v6\nRUN one\nFROM --platform=$BUILDPLATFORM a AS v7\nRUN one\n" +
    "FROM $TARGETVARIANT AS made\nFROM --platform=linux/arm/v6 b\nCOPY --from=made /x /\n";
  const planned = await plan(text, { platforms: ["linux/arm/v6", "linux/arm/v7"] });
  const rows = planStages(planned, chooseStrategies(planned, { platform: AMD64, emulation: new Map() }));
  expect(rows.flatMap(({ name, target, runs }) => runs.map(({ line }) => `${name} ${target} ${line}`))).toEqual([
    "v6 linux/arm/v6 2",
    "v7 linux/arm/v7 4",
  ]);
});

test("a RUN that nothing can run is in the plan, and the first of them is its refusal", async () => {
  const planned = await plan("FROM a\nRUN one\nRUN two\n", { platforms: PLATFORMS });
  expect(foreignArchitectures(planned, AMD64)).toEqual(["arm64"]);
  const none: Emulation = { kind: "none", reasons: ["there is no qemu-aarch64", "there is no tracer"] };
  expect(stagesOf(planned, none)[1]).toContain("emulated 0/3 2 of 2 RUNs which nothing here can run");
  const strategies = chooseStrategies(planned, { platform: AMD64, emulation: new Map([["arm64", none]]) });
  const refusal = missingEmulator(planned, strategies, AMD64);
  expect(refusal).toMatchObject({ code: "PLAN_NO_EMULATOR", source: { start: { line: 2 } } });
  expect(refusal?.message).toMatch(/^RUN one runs on linux\/arm64.*there is no qemu-aarch64; there is no tracer$/);
});

test("a RUN of another operating system is refused", async () => {
  const planned = await plan("FROM a\nRUN one\n", { platforms: ["windows/amd64"] });
  const strategies = chooseStrategies(planned, { platform: AMD64, emulation: new Map() });
  expect(missingEmulator(planned, strategies, AMD64)?.message).toContain("no emulator runs programs of windows");
});

const NOTHING: Present = { hasSnapshot: () => false, hasIndex: () => false, hasBlob: () => false };

test("layers are fetched that something runs on or copies from, each once, and no others", async () => {
  const text = "FROM a AS build\nRUN one\nFROM b\nCOPY --from=build /x /app/x\nCOPY --from=c /y /app/y\n";
  const planned = await plan(text, { platforms: PLATFORMS });
  const fetches = (present: Present, whole = false): readonly string[] =>
    planFetches(planned, present, whole).map(({ image, platform, reason }) => `${image} ${platform} ${reason}`);
  const copied = "COPY takes files from it";
  expect(fetches(NOTHING).toSorted()).toEqual([
    ...["a:latest linux/amd64 a RUN runs on it", "a:latest linux/arm64 a RUN runs on it"],
    // The fixture's images account for nothing, so a COPY onto them has to look.
    ...[
      "b:latest linux/amd64 COPY or WORKDIR has to know its directories or users",
      "b:latest linux/arm64 COPY or WORKDIR has to know its directories or users",
    ],
    ...[`c:latest linux/amd64 ${copied}`, `c:latest linux/arm64 ${copied}`],
  ]);
  expect(fetches({ ...NOTHING, hasIndex: () => true }).filter((line) => line.startsWith("b"))).toEqual([]);
  expect(fetches({ ...NOTHING, hasBlob: () => true })).toEqual([]);
  expect(fetches({ ...NOTHING, hasSnapshot: () => true }, true)).toEqual([]);
});

test.each([
  ["COPY x /app/", false],
  ["COPY --chown=1000:1000 x /app/", false],
  ["COPY --chown=app x /app/", true],
  ["COPY --link --chown=app x /usr/", false],
  ["COPY x /usr/bin/", true],
  ["WORKDIR /app", false],
  ["WORKDIR /srv", true],
  ["USER app\nWORKDIR /app", true],
])("%s reads its base: %s", async (instructions, reads) => {
  const history = [{ created_by: "# debian.sh" }];
  const images = new Images({ "a:latest": { history } });
  const planned = await plan(`FROM a\n${instructions}\n`, { images });
  expect(planFetches(planned, NOTHING, false)).toHaveLength(reads ? 1 : 0);
});

test("a base that nothing reads stays where it is, unless the image is written with all its layers", async () => {
  const planned = await plan("FROM a\n", {});
  expect(planFetches(planned, NOTHING, false)).toEqual([]);
  expect(planFetches(planned, NOTHING, true)).toMatchObject([{ image: "a:latest" }]);
});

test("what no rung that may be used can run is refused, with the flag that says so", async () => {
  const run = await plan("FROM a\nRUN one\n", { platforms: ["linux/amd64"] });
  const alone = await plan("FROM a\nRUN --network=none one\n", { platforms: ["linux/amd64"] });
  const refuse = (planned: DockerfilePlan, choice: RungChoice, isRoot: boolean): string | undefined => {
    const strategies = chooseStrategies(planned, { platform: AMD64, emulation: new Map() });
    const error = refusalOf(planned, strategies, { machine: AMD64, choice, isRoot });
    return error && `${error.code} ${error.hint}`;
  };
  expect(refuse(run, { forced: "none" }, true)).toMatch(/^SANDBOX_UNAVAILABLE leave out --sandbox=none/);
  expect(refuse(run, { forced: "chroot" }, false)).toMatch(/run manyarch as root$/);
  expect(refuse(run, { forced: "chroot" }, true)).toBe(undefined);
  expect(refuse(alone, { forced: "proot" }, true)).toMatch(/--network=none$/);
  expect(refuse(alone, { lowest: "proot" }, true)).toBe(undefined);
  expect(refuse(await plan("FROM a\nCOPY x /\n", { platforms: ["linux/amd64"] }), { forced: "none" }, true)).toBe(
    undefined,
  );
});

test("an emulator that the user's own flag rules out is no matter of what is installed", async () => {
  const planned = await plan("FROM a\nRUN one\n", { platforms: ["linux/arm64"] });
  const none: Emulation = { kind: "none", reasons: ["ruled out"] };
  const strategies = chooseStrategies(planned, { platform: AMD64, emulation: new Map([["arm64", none]]) });
  const refusal = missingEmulator(planned, strategies, AMD64, { forced: "chroot" });
  expect(refusal?.message).toContain("with --sandbox=chroot has no emulator");
  expect(refusal?.hint).toMatch(/^leave out --sandbox=chroot/);
  expect(refusal?.hint).not.toContain("install");
});

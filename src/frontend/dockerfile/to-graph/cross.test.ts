import { expect, test } from "vitest";
import type { RunStep } from "../../../engine/types.ts";
import { formatPlatform } from "../../../oci/platform.ts";
import { Images, plan } from "./plan-fixture.ts";
import type { DockerfilePlan } from "./request.ts";

const PLATFORMS = ["linux/amd64", "linux/arm64", "linux/arm/v7"];
const GOLANG = { golang: { config: { Env: ["GOLANG_VERSION=1.26", "PATH=/usr/local/go/bin:/bin"] } } };

const BUILD = "FROM golang AS build\nRUN go mod download\nRUN go build -o /app .\n";
const LAST = "FROM scratch\nCOPY --from=build /app /app\n";

function cross(
  text: string,
  mode: "auto" | "suggest" = "auto",
  excluded: readonly string[] = [],
): Promise<DockerfilePlan> {
  const images = new Images(GOLANG);
  return plan(text, { platforms: PLATFORMS, images, cross: { mode, excluded: new Set(excluded) } });
}

/** `platform argv [variables of Go]`, a line for each RUN. */
function runs({ graph }: DockerfilePlan): readonly string[] {
  return [...graph.steps.values()]
    .filter((step): step is RunStep => step.kind === "run")
    .map(({ platform, argv, env }) => {
      const variables = env.filter((variable) => /^(GO(OS|ARCH|ARM)|CGO_ENABLED)=/.test(variable));
      return [formatPlatform(platform), argv.at(-1), ...variables].join(" ");
    });
}

test("everything runs on the build platform, once where it does not depend on the target", async () => {
  expect(runs(await cross(BUILD + LAST))).toEqual([
    "linux/amd64 go mod download",
    "linux/amd64 go build -o /app .",
    "linux/amd64 go build -o /app . GOOS=linux GOARCH=arm64 CGO_ENABLED=0",
    "linux/amd64 go build -o /app . GOOS=linux GOARCH=arm GOARM=7 CGO_ENABLED=0",
  ]);
});

test("what leaves the stage must be for the target, and says whence it is", async () => {
  const { graph, targets } = await cross(BUILD + LAST);
  const expected = [...graph.steps.values()].flatMap((step) => (step.kind === "copy" ? [step.expectMachine] : []));
  expect(expected.map((one) => one && [formatPlatform(one.platform), one.origin])).toEqual([
    undefined,
    ["linux/arm64", "linux/arm64 0"],
    ["linux/arm/v7", "linux/arm/v7 0"],
  ]);
  expect(targets.map(({ stages }) => stages.map(({ crossed }) => crossed))).toEqual([
    [false, false],
    [true, false],
    [true, false],
  ]);
});

test("a stage that did not go well is emulated, the others are not", async () => {
  const planned = runs(await cross(BUILD + LAST, "auto", ["linux/arm64 0"]));
  expect(planned.filter((line) => line.startsWith("linux/arm64"))).toEqual([
    "linux/arm64 go mod download",
    "linux/arm64 go build -o /app .",
  ]);
  expect(planned).toContain("linux/amd64 go build -o /app . GOOS=linux GOARCH=arm GOARM=7 CGO_ENABLED=0");
});

test("stages that go on from it come along; a stage of tools for it compiles for the machine", async () => {
  const text =
    "FROM golang AS tools\nRUN go build -o /tool ./tool\n" +
    "FROM golang AS base\nRUN go mod download\n" +
    "FROM base AS build\nCOPY --from=tools /tool /tool\nRUN go build -o /app .\n";
  const result = await cross(text + LAST);
  const planned = runs(result);
  expect(planned.every((line) => line.startsWith("linux/amd64"))).toBe(true);
  expect(planned.filter((line) => line.includes("./tool"))).toEqual(["linux/amd64 go build -o /tool ./tool"]);
  expect(planned.filter((line) => line.includes("GOARCH=arm64"))).toHaveLength(1);
  // Of tools nothing is expected, they are the machine's.
  const copies = [...result.graph.steps.values()].filter((step) => step.kind === "copy");
  const expecting = copies.filter(({ expectMachine }) => expectMachine !== undefined).map(({ paths }) => paths.join());
  expect(expecting).toEqual(["app", "app"]);
});

test("go install gets its directory", async () => {
  const planned = runs(
    await cross(`FROM golang AS build\nRUN go install .\nFROM scratch\nCOPY --from=build /go/bin/app /\n`),
  );
  expect(planned[1]).toMatch(/^linux\/amd64 bin=\$\(go env GOPATH\)\/bin .* GOOS=linux GOARCH=arm64/);
  expect(planned[2]).toBe("linux/amd64 go install . GOOS=linux GOARCH=arm64 CGO_ENABLED=0");
});

test.each([
  ["its files are the image", "FROM golang\nRUN go build -o /app .\n"],
  ["another stage mounts it", `${BUILD}FROM busybox\nRUN --mount=from=build,target=/b cp /b/app /app\n`],
  ["it has a platform", `FROM --platform=$TARGETPLATFORM golang AS build\nRUN go build -o /app .\n${LAST}`],
  ["it runs what it compiles", `FROM golang AS build\nRUN go generate && go build -o /app .\n${LAST}`],
])("where %s it stays emulated", async (_, text) => {
  expect(runs(await cross(text)).some((line) => line.startsWith("linux/arm64 ") && line.includes("go "))).toBe(true);
});

test("suggest changes nothing and names the two lines, for all targets at once", async () => {
  const suggested = await cross(BUILD + LAST, "suggest");
  expect(runs(suggested)).toEqual(runs(await plan(BUILD + LAST, { platforms: PLATFORMS, images: new Images(GOLANG) })));
  expect(
    suggested.advice.map(({ code, message, hint, source }) => ({ code, message, hint, line: source.start.line })),
  ).toEqual([
    {
      code: "CrossCompile",
      line: 1,
      message: expect.stringMatching(
        /^stage build compiles Go for linux\/arm64 and linux\/arm\/v7 .* 4 RUNs would need no emulator/,
      ),
      hint: [
        "Build with --cross=auto, or change two lines:",
        "1: FROM --platform=$BUILDPLATFORM golang AS build",
        "3: ARG TARGETOS TARGETARCH TARGETVARIANT",
        "   RUN GOOS=$TARGETOS GOARCH=$TARGETARCH GOARM=${TARGETVARIANT#v} go build -o /app .",
      ].join("\n"),
    },
  ]);
});

test("nothing is suggested for what is cross-compiled already, nor for the machine's own platform", async () => {
  const pinned =
    "FROM --platform=$BUILDPLATFORM golang AS build\nARG TARGETARCH\nRUN GOARCH=$TARGETARCH go build -o /app .\n";
  expect((await cross(pinned + LAST, "suggest")).advice).toEqual([]);
  const images = new Images(GOLANG);
  const native = await plan(BUILD + LAST, { images, cross: { mode: "suggest", excluded: new Set() } });
  expect(native.advice).toEqual([]);
});

const ONLY_HERE = BUILD.replace("golang", "only-amd64/golang");

test("a base of the build platform alone is enough for a stage that crosses", async () => {
  expect(runs(await cross(ONLY_HERE + LAST))).toEqual(runs(await cross(BUILD + LAST)));
});

test("what does not cross needs the target's image: the hint names what would do", async () => {
  const code = "MANIFEST_NO_PLATFORM";
  const both = expect.stringMatching(/^Write FROM --platform=\$BUILDPLATFORM .*--cross=auto/);
  await expect(cross(ONLY_HERE + LAST, "suggest")).rejects.toMatchObject({
    code,
    hint: both,
    source: { start: { line: 1 } },
  });
  await expect(cross(ONLY_HERE + LAST, "auto", ["linux/arm64 0"])).rejects.toMatchObject({ code });
  const other = cross("FROM only-amd64/node AS build\nRUN make\nFROM scratch\nCOPY --from=build /app /app\n");
  await expect(other).rejects.toMatchObject({ code, hint: expect.not.stringContaining("--cross") });
  await expect(cross("FROM only-amd64/golang\nRUN go build\n")).rejects.toMatchObject({ code, hint: "Choose." });
});

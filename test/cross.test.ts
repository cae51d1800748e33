import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { hostPlatform } from "../src/oci/platform.ts";
import { elfArchitecture as emulated } from "../src/sandbox/emulation/architectures.ts";
import { probeProgram } from "../src/sandbox/emulation/probe-program.ts";
import { elfArchitecture, readElfIdentity } from "../src/verify/elf.ts";
import { startBed, type Bed, type CliResult } from "./bed/bed.ts";

const machine = hostPlatform().architecture;
const other = machine === "amd64" ? "arm64" : "amd64";
const PLATFORMS = `linux/${machine},linux/${other}`;

/** A Go that copies a program of its target's, as fast as no compiler, and says where it did. */
const GO = `#!/bin/sh
case $(uname -m) in x86_64) here=amd64;; aarch64) here=arm64;; esac
case $1 in
  build) cp /elf/\${GOARCH:-$here} "$3"; echo "built for \${GOARCH:-$here} on $here, cgo \${CGO_ENABLED:-1}";;
  env) case $2 in GOPATH) echo /go;; GOOS) echo linux;; GOARCH) echo \${GOARCH:-$here};; esac;;
  install)
    bin=/go/bin; [ "\${GOARCH:-$here}" = $here ] || bin=/go/bin/linux_$GOARCH
    mkdir -p $bin; cp /elf/\${GOARCH:-$here} $bin/app;;
  mod) echo downloaded on $here;;
esac
`;

let bed: Bed;
let golang: string;

beforeAll(async () => {
  bed = await startBed();
  const context = bed.newDirectory("golang");
  mkdirSync(join(context, "elf"));
  for (const name of ["amd64", "arm64"])
    writeFileSync(join(context, "elf", name), probeProgram(emulated(name)!), { mode: 0o755 });
  writeFileSync(join(context, "go"), GO, { mode: 0o755 });
  const lines = [
    "FROM busybox",
    "COPY elf /elf/",
    "COPY go /usr/local/go/bin/",
    "ENV GOLANG_VERSION=1 PATH=/usr/local/go/bin:/bin",
  ];
  writeFileSync(join(context, "Dockerfile"), lines.join("\n"));
  golang = `${bed.target.host}/golang:1`;
  const made = await bed.cli(["build", "--platform", PLATFORMS, "-t", golang, "--push", context]);
  expect(made.exitCode, made.stderr).toBe(0);
}, 120_000);

afterAll(() => bed[Symbol.asyncDispose]());

let count = 0;

/** Builds `build` instructions and a last stage that takes /app, as people write it. */
async function make(
  flags: readonly string[],
  build: string,
  last = "COPY --from=build /app /app\n",
): Promise<CliResult & { readonly out: string }> {
  const context = bed.newDirectory(`context${count++}`);
  writeFileSync(
    join(context, "Dockerfile"),
    `FROM ${golang} AS build\nENV TEST=${count}\n${build}FROM scratch\n${last}`,
  );
  const out = join(context, "out");
  const flagsOf = ["--platform", PLATFORMS, "-o", `type=local,dest=${out}`, ...flags];
  return { ...(await bed.cli(["build", ...flagsOf, context])), out };
}

function architectureOf(out: string, platform: string): string | undefined {
  const identity = readElfIdentity(readFileSync(join(out, `linux_${platform}`, "app")));
  return identity && elfArchitecture(identity);
}

const SEED = "RUN go mod download\nRUN go build -o /app\n";

test("auto: both run here, what depends on no platform runs once, and each gets its own", async () => {
  const { exitCode, stderr, out } = await make(["--cross=auto"], SEED);
  expect(exitCode, stderr).toBe(0);
  expect(stderr).toContain(`built for ${other} on ${machine}, cgo 0`);
  expect(stderr).toContain(`built for ${machine} on ${machine}, cgo 1`);
  expect(stderr.match(/downloaded on/g)).toHaveLength(1);
  expect(stderr).toMatch(/plan: +build +linux\/\w+ +cross/);
  expect(stderr).not.toContain("EMULATION");
  expect([architectureOf(out, machine), architectureOf(out, other)]).toEqual([machine, other]);
});

test("what go install leaves is where it always is", async () => {
  const build = "RUN go install ./cmd/app\n";
  const { exitCode, stderr, out } = await make(["--cross=auto"], build, "COPY --from=build /go/bin/app /app\n");
  expect(exitCode, stderr).toBe(0);
  expect(stderr).not.toContain("CROSS_FAILED");
  expect([architectureOf(out, machine), architectureOf(out, other)]).toEqual([machine, other]);
});

test("a file that is not where it would be otherwise has the stage made again under emulation", async () => {
  const { exitCode, stderr } = await make(["--cross=auto"], `${SEED}RUN test -z "$GOARCH" || rm /app; ! ./none\n`);
  expect(exitCode, stderr).toBe(0);
  expect(stderr).toMatch(/warning\[CROSS_FAILED\]: a stage that cross-compiles lacks a file: .*app/);
});

test("suggest: emulated as written, with the two lines to change", async () => {
  const { exitCode, stderr, out } = await make([], SEED);
  expect(exitCode, stderr).toBe(0);
  expect(stderr).toContain(`built for ${other} on ${other}`);
  expect(stderr).toContain("--cross=auto");
  expect(stderr).toContain(`1: FROM --platform=$BUILDPLATFORM ${golang} AS build`);
  expect(stderr).toMatch(/4: ARG TARGETOS TARGETARCH\n +RUN GOOS=\$TARGETOS GOARCH=\$TARGETARCH go build -o \/app/);
  expect(architectureOf(out, other)).toBe(other);
});

test("a binary of another machine that leaves the stage has it made again under emulation", async () => {
  const { exitCode, stderr } = await make(["--cross=auto"], SEED, `COPY --from=build /app /elf/${machine} /\n`);
  expect(exitCode, stderr).toBe(0);
  expect(stderr).toMatch(/warning\[CROSS_FAILED\]: .*is for .*made again under emulation \(Dockerfile:6\)/);
  expect(stderr).toContain(`built for ${other} on ${other}`);
});

test("a stage that runs what it made is made again under emulation", async () => {
  const { exitCode, stderr } = await make(["--cross=auto"], `${SEED}RUN /app; test $? = 42\n`);
  expect(exitCode, stderr).toBe(0);
  expect(stderr).toMatch(/warning\[CROSS_FAILED\]: RUN \/app.* failed in a stage that cross-compiles/);
});

test("what fails to compile fails once", async () => {
  const { exitCode, stderr } = await make(["--cross=auto"], "RUN go build -o /app && false\n");
  expect(exitCode).toBe(5);
  expect(stderr).not.toContain("CROSS_FAILED");
});

test("plan says so before anything is done", async () => {
  const context = bed.newDirectory("planned");
  writeFileSync(
    join(context, "Dockerfile"),
    `FROM ${golang} AS build\n${SEED}FROM scratch\nCOPY --from=build /app /app\n`,
  );
  const plan = async (cross: string): Promise<readonly string[]> => {
    const { stdout } = await bed.cli(["plan", "--json", `--cross=${cross}`, "--platform", PLATFORMS, context]);
    const { stages } = JSON.parse(stdout) as { readonly stages: readonly { readonly strategy: string }[] };
    return stages.map(({ strategy }) => strategy);
  };
  expect(await plan("auto")).toEqual(["native", "cross", "native", "native"]);
  expect(await plan("off")).toEqual(["native", "emulated", "native", "native"]);
});

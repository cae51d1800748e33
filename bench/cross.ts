import { cpSync, writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { AppError } from "../src/base/errors.ts";
import { startBed, type Bed } from "../test/bed/bed.ts";
import { artefactPath, makeArtefact } from "../test/bed/cache.ts";
import { goToolchain, machineGoArch, type GoArch } from "../test/bed/go-toolchain.ts";
import { CHECKOUT } from "../test/bed/user.ts";
import { CROSS_SECTION, withSection } from "./sections.ts";
import { medianOf } from "./results.ts";

// A Dockerfile as people write it, without --platform=$BUILDPLATFORM: emulated, and by --cross=auto.
const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "2" },
    output: { type: "string", default: join(CHECKOUT, "bench/RESULTS.md") },
  },
});

const OTHER: GoArch = machineGoArch() === "amd64" ? "arm64" : "amd64";
const MODES = ["off", "auto"] as const;
const PATH = "/go/bin:/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

await using stage = await startBed();
const seconds = await measure(stage, Number(options.rounds));
const [emulated = 0, crossed = 0] = MODES.map((mode) => medianOf(seconds[mode]) ?? 0);
const lines = [
  `\`go build\` of examples/hello for linux/${OTHER} on ${machineGoArch()}, a Dockerfile without \`--platform=$BUILDPLATFORM\`, bases present,`,
  `every step executed, no kept Go cache; medians of ${options.rounds} rounds in turn, load ${loadavg()[0]?.toFixed(1)}, ${new Date().toISOString().slice(0, 10)}.`,
  "",
  "| Work | emulated (`--cross=off`) | `--cross=auto` | ratio |",
  "| --- | ---: | ---: | ---: |",
  `| hello as in the seeds, linux/${OTHER} | ${emulated.toFixed(1)} s | ${crossed.toFixed(1)} s | ${(crossed / emulated).toFixed(2)} |`,
];
writeFileSync(options.output, withSection(options.output, CROSS_SECTION, lines));
process.stdout.write(`${lines.join("\n")}\n`);

async function measure(bed: Bed, rounds: number): Promise<Readonly<Record<(typeof MODES)[number], readonly number[]>>> {
  const context = await seed(bed, await golang(bed));
  const found = { off: [] as number[], auto: [] as number[] };
  for (let round = 0; round <= rounds; round++) {
    for (const mode of MODES) {
      const flags = ["--no-cache", "--go-cache=off", `--cross=${mode}`, "--platform"];
      // The first round has the bases extracted and compiles nothing.
      const what =
        round === 0
          ? ["linux/amd64,linux/arm64", "--target", "base"]
          : [`linux/${OTHER}`, "-o", `type=oci,dest=${join(context, "out.tar")}`];
      const done = await bed.cli(["build", ...flags, ...what, context]);
      if (done.exitCode !== 0) throw new AppError("BENCH_BUILD", done.stderr);
      if (round > 0) found[mode].push(done.seconds);
      process.stderr.write(`${round}  --cross=${mode}  ${done.seconds.toFixed(2)} s\n`);
    }
  }
  return found;
}

/** A golang image for both platforms; that of the test bed is the machine's alone. */
async function golang(bed: Bed): Promise<string> {
  const context = bed.newDirectory("golang");
  for (const arch of ["amd64", "arm64"] as const) {
    await makeArtefact(goToolchain(arch));
    cpSync(artefactPath(goToolchain(arch)), join(context, arch), { recursive: true });
  }
  const lines = ["FROM debian:bookworm-slim", "ARG TARGETARCH", "COPY $TARGETARCH/ /usr/local/go/", `ENV PATH=${PATH}`];
  writeFileSync(join(context, "Dockerfile"), `${lines.join("\n")} GOLANG_VERSION=1 GOTOOLCHAIN=local GOPATH=/go\n`);
  const reference = `${bed.target.host}/golang:bench`;
  const flags = ["--platform", "linux/amd64,linux/arm64", "--compression=none", "-t", reference, "--push"];
  const { exitCode, stderr } = await bed.cli(["build", ...flags, context]);
  if (exitCode !== 0) throw new AppError("BENCH_BUILD", stderr);
  return reference;
}

async function seed(bed: Bed, base: string): Promise<string> {
  const context = bed.newDirectory("seed");
  for (const name of ["go.mod", "main.go"]) cpSync(join(CHECKOUT, "examples/hello", name), join(context, name));
  const lines = [
    `FROM ${base} AS base`,
    "RUN true",
    `FROM ${base} AS builder`,
    "WORKDIR /app",
    "COPY go.mod ./",
    "RUN go mod download",
    "COPY main.go ./",
    "RUN CGO_ENABLED=0 GOOS=linux go build -o myapp .",
    "FROM scratch",
    "COPY --from=builder /app/myapp /myapp",
    'ENTRYPOINT ["/myapp"]',
  ];
  writeFileSync(join(context, "Dockerfile"), `${lines.join("\n")}\n`);
  return context;
}

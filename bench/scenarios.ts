import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { createCipheriv } from "node:crypto";
import { join } from "node:path";
import { CHECKOUT } from "../test/bed/user.ts";

/** A row of the table: what is built, and what is done before it. */
export interface Scenario {
  readonly name: string;
  readonly title: string;
  readonly context: string;
  readonly platforms: readonly string[];
  /** `cold`: empty store and registry. `warm`: after the row before it, in the same store. */
  readonly start: "cold" | "warm";
  /** The largest ratio of our time to another builder's that the design allows. */
  readonly budget?: Readonly<Record<string, number>>;
  /** Changes the context, or gives build arguments, before each measured build. */
  readonly prepare?: (round: string) => Readonly<Record<string, string>>;
}

const TWO = ["linux/amd64", "linux/arm64"];
const MACHINE = [process.arch === "x64" ? "linux/amd64" : "linux/arm64"];

/** The rows in the order they run; a warm one needs the cold one before it. */
export function scenarios(directory: string): readonly Scenario[] {
  return [
    ...example(directory, "hello"),
    ...example(directory, "web"),
    ...trivialRuns(directory),
    extraction(directory),
    withoutRuns(directory),
    largeCopy(directory),
  ];
}

function example(directory: string, name: string): readonly Scenario[] {
  const context = contextDirectory(directory);
  cpSync(join(CHECKOUT, "examples", name), context, { recursive: true });
  const main = join(context, "main.go");
  const source = readFileSync(main, "utf8");
  const common = { context, platforms: TWO };
  const restore = (): Readonly<Record<string, string>> => {
    writeFileSync(main, source);
    return {};
  };
  const edit = (round: string): Readonly<Record<string, string>> => {
    writeFileSync(main, `${source}\nvar _ = ${JSON.stringify(round)}\n`);
    return {};
  };
  return [
    {
      ...common,
      name: `${name}-cold`,
      title: `${name}, cold, 2 platforms`,
      start: "cold",
      budget: { BuildKit: 0.95, buildah: 0.6 },
      prepare: restore,
    },
    {
      ...common,
      name: `${name}-noop`,
      title: `${name} again, nothing changed`,
      start: "warm",
      budget: { BuildKit: 1.5, buildah: 0.25 },
    },
    {
      ...common,
      name: `${name}-edit`,
      title: `${name}, main.go edited`,
      start: "warm",
      budget: { BuildKit: 0.1 },
      prepare: edit,
    },
  ];
}

function trivialRuns(directory: string): readonly Scenario[] {
  const context = contextDirectory(directory);
  const runs = "RUN true\n".repeat(20);
  writeFileSync(join(context, "Dockerfile"), `FROM busybox\nARG ROUND\nRUN echo "$ROUND" > /round\n${runs}`);
  const common = { context, platforms: MACHINE };
  return [
    {
      ...common,
      name: "runs-base",
      title: "21 trivial RUNs and the base, cold",
      start: "cold",
      prepare: (round) => ({ ROUND: `${round} cold` }),
    },
    {
      ...common,
      name: "runs",
      title: "21 trivial RUNs, base present",
      start: "warm",
      budget: { BuildKit: 0.6, buildah: 0.15 },
      prepare: (round) => ({ ROUND: round }),
    },
  ];
}

function extraction(directory: string): Scenario {
  const context = contextDirectory(directory);
  writeFileSync(join(context, "Dockerfile"), "FROM golang:1.26-bookworm\nRUN true\n");
  return {
    name: "extract",
    title: "pull and extract of a golang base, one RUN",
    context,
    platforms: MACHINE,
    start: "cold",
    budget: { BuildKit: 1, buildah: 0.7 },
  };
}

/** Everything that is not a RUN: pulling, copying from a stage and from the context, packing, pushing. */
function withoutRuns(directory: string): Scenario {
  const context = contextDirectory(directory);
  const lines = [
    "FROM --platform=$BUILDPLATFORM golang:1.26-bookworm AS tools",
    "FROM debian:bookworm-slim",
    "COPY --from=tools /usr/local/go/bin /tools",
    "COPY Dockerfile /app/",
    "WORKDIR /app",
  ];
  writeFileSync(join(context, "Dockerfile"), `${lines.join("\n")}\n`);
  return {
    name: "files",
    title: "all but RUNs: two stages, 2 platforms, cold",
    context,
    platforms: TWO,
    start: "cold",
    budget: { BuildKit: 0.7 },
  };
}

/** 7,010 files, 700 MB, that compress to about a half. */
function largeCopy(directory: string): Scenario {
  const context = contextDirectory(directory);
  writeFileSync(join(context, "Dockerfile"), "FROM busybox\nCOPY data /data\n");
  for (let folder = 0; folder < 70; folder++) {
    const path = join(context, "data", `d${folder}`);
    mkdirSync(path, { recursive: true });
    for (let file = 0; file < 100; file++) writeFileSync(join(path, `f${file}`), content(folder * 100 + file, 90_000));
  }
  for (let file = 0; file < 10; file++)
    writeFileSync(join(context, "data", `large${file}`), content(10_000 + file, 7_000_000));
  return {
    name: "copy",
    title: "COPY of 7,010 files, 700 MB",
    context,
    platforms: MACHINE,
    start: "cold",
    budget: { BuildKit: 0.5, buildah: 0.4 },
  };
}

/** The same bytes every time: half of them random, half of them text-like. */
function content(seed: number, size: number): Buffer {
  const key = Buffer.alloc(16);
  key.writeUInt32LE(seed);
  const random = createCipheriv("aes-128-ctr", key, Buffer.alloc(16)).update(Buffer.alloc(size));
  for (let at = 0; at < size; at += 64) random.fill(`line ${at} of ${seed}: `, at, Math.min(at + 32, size));
  return random;
}

function contextDirectory(directory: string): string {
  const path = mkdtempSync(join(directory, "context-"));
  chmodSync(path, 0o755);
  return path;
}

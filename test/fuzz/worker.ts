import { parentPort, workerData } from "node:worker_threads";
import fc from "fast-check";
import { AppError } from "../../src/base/errors.ts";
import { decodeUtf8 } from "../../src/base/utf8.ts";
import { expand } from "../../src/frontend/dockerfile/expansion/expand.ts";
import { Linter } from "../../src/frontend/dockerfile/lint/linter.ts";
import { Images } from "../../src/frontend/dockerfile/to-graph/plan-fixture.ts";
import { planBuild } from "../../src/frontend/dockerfile/to-graph/plan.ts";
import { parseIgnoreFile } from "../../src/frontend/ignore/parse.ts";
import { parsePlatform } from "../../src/oci/platform.ts";
import { renderError } from "../../src/report/error.ts";
import { terminalText } from "../../src/report/lint/terminal.ts";
import { dockerfiles, WORD } from "./inputs.ts";

/** What the thread is given, and shares with the one that watches it. */
export interface FuzzTask {
  readonly milliseconds: number;
  readonly seed: number;
  /** Counts inputs begun; the one at work is in `input`, its length in front. */
  readonly progress: Int32Array<SharedArrayBuffer>;
  readonly input: Uint8Array<SharedArrayBuffer>;
}

export type FuzzResult = { readonly runs: number } | { readonly failure: string };

/** The slowest that one input may be, on a machine with other work. */
const INPUT_MS = 3000;
const PLATFORMS = ["linux/amd64", "linux/arm/v7"].map((text) => parsePlatform(text));

const { milliseconds, seed, progress, input } = workerData as FuzzTask;

const any = fc.oneof(
  { weight: 8, arbitrary: dockerfiles().map((text) => ({ kind: "dockerfile" as const, text })) },
  { weight: 2, arbitrary: WORD.map((text) => ({ kind: "word" as const, text })) },
  { weight: 1, arbitrary: WORD.map((text) => ({ kind: "ignore" as const, text })) },
);

const result = await fc.check(
  fc.asyncProperty(any, async ({ kind, text }) => {
    announce(text);
    const start = performance.now();
    if (kind === "dockerfile") await tryDockerfile(text);
    else tryText(kind, text);
    const taken = performance.now() - start;
    if (taken > INPUT_MS) throw new Error(`took ${Math.round(taken)} ms`);
  }),
  { numRuns: 1e9, interruptAfterTimeLimit: milliseconds, markInterruptAsFailure: false, seed, endOnFailure: false },
);
const failure = result.failed ? `${fc.defaultReportMessage(result)}\n${reasonOf(result.errorInstance)}` : undefined;
const answer: FuzzResult = failure === undefined ? { runs: result.numRuns } : { failure };
parentPort!.postMessage(answer, []);

function reasonOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function announce(text: string): void {
  const bytes = Buffer.from(text, "utf16le").subarray(0, input.length - 4);
  input.set(bytes, 4);
  new DataView(input.buffer).setUint32(0, bytes.length);
  Atomics.add(progress, 0, 1);
}

/** Plans it for two platforms: it works, or says where it does not. All that is said can be shown. */
async function tryDockerfile(text: string): Promise<void> {
  const linter = new Linter();
  const file = { name: "Dockerfile", text: decodeUtf8(Buffer.from(text, "latin1")) };
  // Half of them as they are, half through their bytes.
  if (text.length % 2 === 0) file.text = text;
  const request = {
    dockerfile: file,
    allStages: text.length % 3 === 0,
    platforms: PLATFORMS,
    buildPlatform: PLATFORMS[0]!,
    buildArgs: { A: "arg", B: "x/y/x" },
    labels: {},
    contextDirectory: "/src",
    ignore: ["*.md"],
    signal: new AbortController().signal,
  };
  let error: AppError | undefined;
  try {
    await planBuild(request, new Images(), linter);
  } catch (cause) {
    if (!(cause instanceof AppError) || cause.code === "INTERNAL") throw cause;
    error = cause;
  }
  const options = { color: true, columns: 80 };
  terminalText([{ file, findings: linter.findings, error }], options);
  if (error === undefined) return;
  renderError(error, options);
  const { source } = error;
  if (source === undefined) throw new Error(`no position: ${error.code} ${error.message}`, { cause: error });
  const lines = source.file.text.split("\n").length;
  const { start, end } = source;
  if (start.line < 1 || start.line > lines || start.column < 1 || end.line < start.line || end.line > lines + 1) {
    throw new Error(`${error.code} is at ${start.line}:${start.column} to ${end.line}:${end.column} of ${lines} lines`);
  }
}

function tryText(kind: "word" | "ignore", text: string): void {
  try {
    if (kind === "ignore") parseIgnoreFile({ name: ".dockerignore", text });
    else expand(text, new Map([["A", "a/b"]]), { escape: text.length % 2 === 0 ? "\\" : "`" });
  } catch (cause) {
    if (!(cause instanceof AppError) || cause.code === "INTERNAL") throw cause;
  }
}

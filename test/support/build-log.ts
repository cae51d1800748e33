import { expect } from "vitest";
import type { Bed, CliOptions, CliResult } from "../bed/bed.ts";

/** A step as the plain log tells of it. */
export interface LoggedStep {
  /** `linux/amd64 build 3/6` */
  readonly place: string;
  readonly text: string;
  readonly verdict: "ran" | "cached" | "failed";
  /** Why it ran, or why it did not have to. */
  readonly why: string;
  readonly output: string;
}

/** The numbers of the closing line. */
export interface Closing {
  readonly ran: number;
  readonly cached: number;
  readonly uploaded: number;
  readonly alreadyThere: number;
}

export interface Built extends CliResult {
  readonly steps: readonly LoggedStep[];
  readonly closing: Closing;
  /** Of what the tags name. */
  readonly digest: string;
}

/** `manyarch build FLAGS`, expected to work. The plain log is what is read. */
export async function build(bed: Bed, flags: readonly string[], options?: CliOptions): Promise<Built> {
  const done = await bed.cli(["build", "--progress=plain", ...flags], options);
  if (done.exitCode !== 0) {
    throw new Error(`manyarch build ${flags.join(" ")}: exit code ${done.exitCode ?? done.signal}\n${done.stderr}`);
  }
  const digest = /^ {3}(sha256:[0-9a-f]{64})$/m.exec(done.stderr)?.[1] ?? "";
  return { ...done, steps: loggedSteps(done.stderr), closing: closingOf(done.stderr), digest };
}

/** A build that fails: its exit code, and the error as people see it. */
export async function failure(
  bed: Bed,
  flags: readonly string[],
  options?: CliOptions,
): Promise<{ readonly exitCode: number | null; readonly code: string; readonly error: string; readonly log: string }> {
  const done = await bed.cli(["build", "--progress=plain", ...flags], options);
  expect(done.stdout).toBe("");
  const at = done.stderr.lastIndexOf("error[");
  const error = at < 0 ? done.stderr : done.stderr.slice(at);
  const code = /^error\[(\w+)\]/.exec(error)?.[1] ?? "";
  return { exitCode: done.exitCode, code, error, log: done.stderr.slice(0, Math.max(0, at)) };
}

export function loggedSteps(log: string): readonly LoggedStep[] {
  const steps = new Map<string, { -readonly [K in keyof LoggedStep]: LoggedStep[K] }>();
  for (const line of log.split("\n")) {
    const [, number = "", place = "", text = ""] = /^#(\d+) \[([^\]]+)\] (.*)$/.exec(line) ?? [];
    if (number === "") continue;
    const step = steps.get(number);
    if (step === undefined) steps.set(number, { place, text, verdict: "failed", why: "", output: "" });
    else takeLine(step, text);
  }
  return [...steps.values()];
}

function takeLine(step: { -readonly [K in keyof LoggedStep]: LoggedStep[K] }, text: string): void {
  const [, why] = /^why: (.*)$/.exec(text) ?? [];
  const [cached, reason = ""] = /^CACHED(?: \((.*)\))?$/.exec(text) ?? [];
  const [, output] = /^\d+\.\d{3} (.*)$/.exec(text) ?? [];
  if (why !== undefined) step.why = why;
  else if (cached !== undefined) Object.assign(step, { verdict: "cached", why: reason });
  else if (/^DONE \d/.test(text)) step.verdict = "ran";
  else if (output !== undefined) step.output += `${output}\n`;
}

/** `3 steps ran, 8 cached; 2 layers uploaded (3.1 MB), 8 already there; 0.1s` */
export function closingOf(log: string): Closing {
  const line = /^(?:no step ran|\d+ steps? ran|nothing to run).*$/m.exec(log)?.[0] ?? "";
  const number = (pattern: RegExp): number => Number(pattern.exec(line)?.[1] ?? 0);
  return {
    ran: number(/(\d+) steps? ran/),
    cached: number(/(\d+) cached/),
    uploaded: number(/(\d+) layers? uploaded/),
    alreadyThere: number(/(\d+) already there/),
  };
}

/** The platform of this machine, as platforms are written. */
export const MACHINE = process.arch === "x64" ? "linux/amd64" : "linux/arm64";

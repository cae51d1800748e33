import { expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { failure } from "./build-log.ts";
import { newContext, type Files } from "./context.ts";

/** What is done wrong, beside the Dockerfile. */
interface Wrong {
  readonly files?: Files;
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

interface Told {
  readonly exitCode: number | null;
  readonly code: string;
  /** The exit code and the error, with what differs from run to run named. */
  readonly text: string;
  /** What was said before. */
  readonly log: string;
}

/** Builds what cannot be built, in a context that is the working directory too. */
export async function errorOf(bed: Bed, dockerfile: string | undefined, wrong: Wrong = {}): Promise<Told> {
  const { files = {}, flags = [], env = {} } = wrong;
  const context = newContext(bed, { ...(dockerfile !== undefined && { Dockerfile: dockerfile }), ...files });
  const { exitCode, error, log, code } = await failure(bed, [...flags, context], { cwd: context, env });
  const shown = error
    .replaceAll(context, "CONTEXT")
    .replaceAll(bed.directory, "BED")
    .replaceAll(bed.mirror.host, "MIRROR")
    .replaceAll(bed.target.host, "TARGET")
    .replaceAll(/\.\d+\.tmp/g, ".PID.tmp")
    .replaceAll(/sha256:[0-9a-f]{64}/g, "DIGEST");
  // One screen.
  expect(shown.split("\n").length).toBeLessThan(20);
  return { text: `exit code ${exitCode}\n${shown}`, log, code, exitCode };
}

/** What is shown of it, to compare. */
export async function expectError(bed: Bed, dockerfile: string | undefined, wrong?: Wrong) {
  return expect((await errorOf(bed, dockerfile, wrong)).text);
}

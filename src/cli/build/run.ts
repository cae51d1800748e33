import { build, type BuildOutcome } from "../../build/build.ts";
import { openProgress } from "../../report/choose.ts";
import type { BuildRequest } from "../../build/request.ts";
import { imageIdOf } from "../../output/metadata.ts";
import type { CliContext } from "../context.ts";
import { guarded } from "../guarded.ts";
import { roomIn } from "../output-room.ts";
import { readSettings } from "../settings.ts";
import { callOf } from "./call.ts";
import { toRequest } from "./request.ts";
import { usage } from "./usage.ts";
import type { BuildFlags } from "./spec.ts";

/** `manyarch build`: results on standard output, talk on standard error. */
export async function buildImage(this: CliContext, flags: BuildFlags, path?: string): Promise<void> {
  await guarded(this, flags.debug ?? false, async () => {
    const call = callOf(flags);
    const request = toRequest(flags, path, readSettings(this), this);
    if (call !== undefined && call.method !== "check")
      return (await import("./outline.ts")).printOutline(this, request, call);
    if (call !== undefined) return (await import("./check.ts")).checkImage(this, request, call, flags.failOn);
    refuseTerminal(request, this.process.stdout);
    const progress = openProgress(flags.quiet === true ? "quiet" : flags.progress, this.process.stderr, this.env);
    try {
      const { env, cwd, signal, stdin } = this;
      const outputRoom = (): Promise<void> | undefined => roomIn(this.process.stderr, signal);
      const outcome = await build(request, { env, cwd, signal, stdin, emit: progress.emit, outputRoom });
      // An archive on standard output must not have a line of text behind it.
      const piped = request.outputs.some((output) => "destination" in output && output.destination === "-");
      if (!piped) this.process.stdout.write(resultLines(outcome, flags.quiet ?? false));
    } finally {
      progress.close();
    }
  });
}

function refuseTerminal({ outputs }: BuildRequest, stdout: CliContext["process"]["stdout"]): void {
  const piped = outputs.find((output) => "destination" in output && output.destination === "-");
  if (piped === undefined || !stdout.isTTY) return;
  throw usage(`type=${piped.kind} would write an archive to the terminal`, "add dest=PATH, or pipe it into a program");
}

/** `--quiet` prints the image's id, as docker does; otherwise a line for everything made. */
function resultLines({ images, index, outputs }: BuildOutcome, quiet: boolean): string {
  const lines = quiet && images.length > 0 ? [imageIdOf(images, index)] : outputs;
  return lines.map((line) => `${line}\n`).join("");
}

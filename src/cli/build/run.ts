import { writeFileSync } from "node:fs";
import { build, type BuildOutcome } from "../../build/build.ts";
import type { BuildRequest } from "../../build/request.ts";
import { formatReference } from "../../oci/reference.ts";
import { openProgress } from "../../report/choose.ts";
import type { CliContext } from "../context.ts";
import { guarded } from "../guarded.ts";
import { readSettings } from "../settings.ts";
import { toRequest } from "./request.ts";
import type { BuildFlags } from "./spec.ts";

/** `manyarch build`: results on standard output, talk on standard error. */
export async function buildImage(this: CliContext, flags: BuildFlags, path?: string): Promise<void> {
  await guarded(this, flags.debug ?? false, async () => {
    const request = toRequest(flags, path, readSettings(this), this);
    const progress = openProgress(flags.quiet === true ? "quiet" : flags.progress, this.process.stderr, this.env);
    try {
      const outcome = await build(request, { env: this.env, cwd: this.cwd, signal: this.signal, emit: progress.emit });
      writeResults(request, outcome, flags, this);
    } finally {
      progress.close();
    }
  });
}

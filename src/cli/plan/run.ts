import { describePlan } from "../../build/describe-plan.ts";
import type { PlanDescription } from "../../build/describe-plan.ts";
import { openProgress } from "../../report/choose.ts";
import { planText } from "../../report/plan-lines.ts";
import { toRequest } from "../build/request.ts";
import type { CliContext } from "../context.ts";
import { guarded } from "../guarded.ts";
import { readSettings } from "../settings.ts";
import type { PlanFlags } from "./spec.ts";

/** `manyarch plan`: the plan on standard output, findings on standard error; fails as the build would. */
export async function printPlan(this: CliContext, { json, format, ...flags }: PlanFlags, path?: string): Promise<void> {
  await guarded(this, flags.debug ?? false, async () => {
    const media = format === "docker" ? "docker" : "oci";
    const asked = toRequest({ ...flags, format: media }, path, readSettings(this), this);
    // A plan has no output to be missed.
    const request = { ...asked, notes: asked.notes.filter(({ code }) => code !== "OUTPUT_NONE") };
    // A window would be gone before it is seen.
    const mode = flags.quiet === true ? "quiet" : flags.progress === "rawjson" ? "rawjson" : "plain";
    const progress = openProgress(mode, this.process.stderr, this.env);
    const { env, cwd, signal, stdin } = this;
    const emit: typeof progress.emit = (event) => event.kind === "build.started" || progress.emit(event);
    const plan = await describePlan(request, { env, cwd, signal, stdin, emit }).finally(() => progress.close());
    this.process.stdout.write(json === true || format === "json" ? jsonOf(plan) : planText(plan));
    if (plan.refusal !== undefined) throw plan.refusal;
  });
}

/** The members are documented in docs/plan.md. */
function jsonOf({ refusal, ...plan }: PlanDescription): string {
  const bytes = plan.fetches.reduce((sum, { size }) => sum + size, 0);
  const error = refusal === undefined ? null : { code: refusal.code, message: refusal.message, hint: refusal.hint };
  return `${JSON.stringify({ ...plan, bytes, refusal: error }, null, 2)}\n`;
}

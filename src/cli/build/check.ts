import { checkRequest } from "../../build/check.ts";
import type { BuildRequest } from "../../build/request.ts";
import type { CliContext } from "../context.ts";
import { parseFailOn } from "../lint/fail-on.ts";
import { reportChecks } from "../lint/report.ts";
import type { Call } from "./call.ts";

/** `manyarch build --check`: what docker's prints, and its exit code. */
export async function checkImage(
  context: CliContext,
  request: BuildRequest,
  { format, ignoreStatus }: Extract<Call, { readonly method: "check" }>,
  failOn: string | undefined,
): Promise<void> {
  const { env, cwd, signal, stdin } = context;
  const file = await checkRequest(request, { env, cwd, signal, stdin });
  const counts = parseFailOn(ignoreStatus ? "never" : (failOn ?? "warning"));
  await reportChecks(context, [file], { format, failOn: counts });
}

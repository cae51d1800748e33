import { describeRequest } from "../../build/outline.ts";
import type { BuildRequest } from "../../build/request.ts";
import { outlineJson, outlineText, targetsJson, targetsText } from "../../report/outline.ts";
import type { CliContext } from "../context.ts";
import type { Call } from "./call.ts";

/** `manyarch build --call=outline|targets`: what docker's prints. */
export async function printOutline(
  context: CliContext,
  request: BuildRequest,
  { method, format }: Exclude<Call, { readonly method: "check" }>,
): Promise<void> {
  const { env, cwd, signal, stdin } = context;
  const found = await describeRequest(request, method, { env, cwd, signal, stdin });
  context.process.stdout.write(format === "json" ? jsonOf(found) : textOf(found));
}

type Described = Awaited<ReturnType<typeof describeRequest>>;

function jsonOf(found: Described): string {
  return found.method === "outline" ? outlineJson(found.outline, found.text) : targetsJson(found.targets, found.text);
}

function textOf(found: Described): string {
  return found.method === "outline" ? outlineText(found.outline) : targetsText(found.targets);
}

import { AppError } from "../../../base/errors.ts";
import type { SourceRange } from "../../../base/source.ts";
import { keywordRange, wordRange } from "../errors.ts";
import type { Instruction, RunInstruction } from "../instructions/types.ts";

/** Throws `DOCKERFILE_UNSUPPORTED` for what is read but cannot be built yet; nothing is ever left out in silence. */
export function refuseUnsupported(instruction: Instruction, allowInsecure: boolean): void {
  switch (instruction.kind) {
    case "run":
      return refuseRun(instruction, allowInsecure);
  }
}

export function unsupported(what: string, source: SourceRange, hint: string): AppError {
  return new AppError("DOCKERFILE_UNSUPPORTED", `${what} is not supported yet`, { source, hint });
}

function refuseRun({ node, devices, security }: RunInstruction, allowInsecure: boolean): void {
  const [device] = devices;
  if (device !== undefined) throw unsupported("RUN --device", wordRange(node, device), "Leave it out.");
  if (security !== "insecure" || allowInsecure) return;
  const what = "RUN --security=insecure";
  throw new AppError("DOCKERFILE_NOT_ALLOWED", `${what} is not allowed`, {
    source: keywordRange(node),
    hint: "Trust the Dockerfile with every capability that manyarch has: --allow security.insecure. Or leave the flag out.",
  });
}

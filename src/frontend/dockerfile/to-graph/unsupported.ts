import { AppError } from "../../../base/errors.ts";
import type { SourceRange } from "../../../base/source.ts";
import { keywordRange, wordRange } from "../errors.ts";
import type { Instruction, RunInstruction } from "../instructions/types.ts";

/** Throws `DOCKERFILE_UNSUPPORTED` for what is read but cannot be built yet; nothing is ever left out in silence. */
export function refuseUnsupported(instruction: Instruction): void {
  switch (instruction.kind) {
    case "run":
      return refuseRun(instruction);
  }
}

export function unsupported(what: string, source: SourceRange, hint: string): AppError {
  return new AppError("DOCKERFILE_UNSUPPORTED", `${what} is not supported yet`, { source, hint });
}

function refuseRun({ node, devices, security }: RunInstruction): void {
  const [device] = devices;
  if (device !== undefined) throw unsupported("RUN --device", wordRange(node, device), "Leave it out.");
  if (security === "insecure") throw unsupported("RUN --security=insecure", keywordRange(node), "Leave it out.");
}

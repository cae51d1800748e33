import { AppError } from "../../../base/errors.ts";
import { keywordRange, wordRange } from "../errors.ts";
import type { Instruction } from "../instructions/types.ts";

/** Throws `DOCKERFILE_UNSUPPORTED` for what is read and cannot be built, and `DOCKERFILE_NOT_ALLOWED` for what was not allowed. */
export function refuseUnsupported(instruction: Instruction, allowInsecure: boolean): void {
  if (instruction.kind !== "run") return;
  const { node, devices, security } = instruction;
  const [device] = devices;
  if (device !== undefined) {
    const source = wordRange(node, device);
    throw new AppError("DOCKERFILE_UNSUPPORTED", "RUN --device is not supported yet", {
      source,
      hint: "Leave it out.",
    });
  }
  if (security !== "insecure" || allowInsecure) return;
  throw new AppError("DOCKERFILE_NOT_ALLOWED", "RUN --security=insecure is not allowed", {
    source: keywordRange(node),
    hint: "Trust the Dockerfile with every capability that manyarch has: --allow security.insecure. Or leave the flag out.",
  });
}

import { AppError } from "../../../base/errors.ts";
import type { SourceRange } from "../../../base/source.ts";
import { keywordRange, wordRange } from "../errors.ts";
import type { AddInstruction, CopyInstruction, Instruction, RunInstruction } from "../instructions/types.ts";

/** Throws `DOCKERFILE_UNSUPPORTED` for what is read but cannot be built yet; nothing is ever left out in silence. */
export function refuseUnsupported(instruction: Instruction): void {
  switch (instruction.kind) {
    case "add":
      refuseTransfer(instruction);
      throw unsupported(
        "ADD",
        keywordRange(instruction.node),
        "Use COPY for files of the context; fetch or unpack others in a RUN.",
      );
    case "onbuild":
      throw unsupported(
        "ONBUILD",
        keywordRange(instruction.node),
        "Write the instruction in the Dockerfiles that need it.",
      );
    case "copy":
      return refuseTransfer(instruction);
    case "run":
      return refuseRun(instruction);
  }
}

export function unsupported(what: string, source: SourceRange, hint: string): AppError {
  return new AppError("DOCKERFILE_UNSUPPORTED", `${what} is not supported yet`, { source, hint });
}

function refuseTransfer(instruction: CopyInstruction | AddInstruction): void {
  const { node, heredocs, link, excludes } = instruction;
  const flag = (name: string): SourceRange => {
    const word = node.flags.find(({ text }) => text.startsWith(`--${name}`));
    return word === undefined ? keywordRange(node) : wordRange(node, word);
  };
  if (heredocs.length > 0)
    throw unsupported(`${node.name} of a heredoc`, keywordRange(node), "Put the text into a file of the context.");
  if (link)
    throw unsupported(`${node.name} --link`, flag("link"), "Leave it out: the image has the same files without it.");
  if (instruction.kind === "copy" && instruction.parents) {
    throw unsupported("COPY --parents", flag("parents"), "Write a COPY for each directory.");
  }
  if (excludes.length > 0)
    throw unsupported(`${node.name} --exclude`, flag("exclude"), "Add the patterns to .dockerignore.");
}

function refuseRun({ node, mounts, devices, heredocs, security }: RunInstruction): void {
  const [mount] = mounts;
  const [device] = devices;
  if (mount !== undefined)
    throw unsupported("RUN --mount", wordRange(node, mount), "Leave it out; a cache mount only saves time.");
  if (device !== undefined) throw unsupported("RUN --device", wordRange(node, device), "Leave it out.");
  if (security === "insecure") throw unsupported("RUN --security=insecure", keywordRange(node), "Leave it out.");
  if (heredocs.length > 0)
    throw unsupported(
      "RUN with a heredoc",
      keywordRange(node),
      "Join the commands with &&, or put them into a script.",
    );
}

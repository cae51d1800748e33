import { cleanPath } from "../../../base/clean-path.ts";
import { AppError } from "../../../base/errors.ts";
import type { StepId } from "../../../engine/types.ts";
import type { Word } from "../ast.ts";
import { wordRange } from "../errors.ts";
import type { CopyInstruction } from "../instructions/types.ts";
import { normalizeOwner } from "./owner.ts";
import { imageStep, scratchStep } from "./sources.ts";
import { commitStep, expandWord, fromWorkingDirectory } from "./state.ts";
import type { StageState } from "./state.ts";
import { unsupported } from "./unsupported.ts";

export function convertCopy(state: StageState, copy: CopyInstruction): void {
  const { node } = copy;
  const owner = optional(state, copy, copy.chown);
  const chmod = optional(state, copy, copy.chmod);
  const sources = copy.sources.map((word) => {
    const source = expandWord(state, node, word);
    refuseUrl(copy, word, source);
    return source;
  });
  const written = expandWord(state, node, copy.destination);
  const destination = cleanPath(fromWorkingDirectory(state, written));
  const options = [...(owner === "" ? [] : [`--chown=${owner}`]), ...(chmod === "" ? [] : [`--chmod=${chmod}`])];
  commitStep(
    state,
    {
      kind: "copy",
      base: state.root,
      from: sourceStep(state, copy),
      paths: sources.map(relativeToRoot),
      destination,
      intoDirectory: sources.length > 1 || destination === "/" || namesDirectory(written),
      ...(owner !== "" && { owner: normalizeOwner(owner) }),
      ...(chmod !== "" && { mode: octalMode(copy, chmod) }),
    },
    node,
    `${["COPY", ...options, ...sources, written].join(" ")} # buildkit`,
  );
}

/** The value of a flag that may be absent; absent and empty are the same. */
function optional(state: StageState, { node }: CopyInstruction, word: Word | undefined): string {
  return word === undefined ? "" : expandWord(state, node, word);
}

function sourceStep({ conversion, layout }: StageState, copy: CopyInstruction): StepId {
  const {
    graph,
    stages,
    request,
    layout: { target },
  } = conversion;
  const source = layout.sources.get(copy);
  switch (source?.kind) {
    case undefined: {
      const { contextDirectory: directory, ignore } = request;
      return graph.add(
        { kind: "context", directory, ignore },
        { stage: "context", text: "load build context", target },
      );
    }
    case "stage":
      return stages.get(source.index)!.root;
    case "scratch":
      return graph.add(scratchStep, { stage: "image", text: "scratch", target });
    case "image":
      return graph.add(imageStep(source, conversion), {
        stage: "image",
        text: source.name,
        target,
        source: copy.node.source,
      });
  }
}

/** A source cannot leave its root: `../x` is `x`, as in BuildKit. The root itself is `.`. */
function relativeToRoot(source: string): string {
  return cleanPath(`/${source}`).slice(1) || ".";
}

function namesDirectory(written: string): boolean {
  return written === "" || written === "." || written.endsWith("/") || written.endsWith("/.");
}

function refuseUrl({ node }: CopyInstruction, word: Word, source: string): void {
  if (!/^(?:https?|git|ssh):\/\/|^git@/.test(source)) return;
  throw new AppError("DOCKERFILE_ARGUMENTS", `COPY copies files, found the address ${source}`, {
    source: wordRange(node, word),
    hint: "Fetch it in a RUN, or before the build.",
  });
}

function octalMode({ node, chmod: word }: CopyInstruction, text: string): number {
  const source = wordRange(node, word!);
  if (/^[0-7]+$/.test(text) && Number.parseInt(text, 8) <= 0o7777) return Number.parseInt(text, 8);
  if (/^[ugoa]*[-+=]/.test(text))
    throw unsupported("COPY --chmod with letters", source, "Write the mode as an octal number: --chmod=755.");
  throw new AppError("DOCKERFILE_FLAG", `COPY: --chmod is an octal number up to 7777, found ${JSON.stringify(text)}`, {
    source,
    hint: "Write --chmod=755 for programs, --chmod=644 for files.",
  });
}

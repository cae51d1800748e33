import { cleanPath } from "../../../base/clean-path.ts";
import type { WorkdirInstruction } from "../instructions/types.ts";
import { checkWorkdir } from "./checks.ts";
import { normalizeOwner } from "./owner.ts";
import { commitEmpty, commitStep, expandWord, fromWorkingDirectory } from "./state.ts";
import type { StageState } from "./state.ts";

/** Sets the working directory and makes it, with the stage's user for its owner. */
export function convertWorkdir(state: StageState, { node, path: word }: WorkdirInstruction): void {
  // An absolute path is kept as written, down to its trailing slash; a relative one is joined.
  const written = expandWord(state, node, word);
  checkWorkdir(state, node, written);
  const path = fromWorkingDirectory(state, written);
  state.config = { ...state.config, WorkingDir: path };
  const owner = state.config.User ?? "";
  const directory = cleanPath(path);
  if (directory === "/") return commitEmpty(state, `WORKDIR ${path}`);
  commitStep(
    state,
    { kind: "mkdir", base: state.root, path: directory, ...(owner !== "" && { owner: normalizeOwner(owner) }) },
    node,
    `WORKDIR ${path}`,
  );
}

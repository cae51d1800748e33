import { takeSteps } from "../../base/steps.ts";
import { fromUtf8, toUtf8 } from "../../layer/entry.ts";
import { selectNodes, selectSources } from "../../snapshot/select.ts";
import type { Source } from "../../snapshot/select.ts";
import type { Tree } from "../../snapshot/tree.ts";
import { ELF_START_BYTES, elfArchitecture, isDeviceCode, readElfIdentity } from "../../verify/elf.ts";
import type { Call, WorkerContext } from "../context.ts";
import { copySource } from "../copy-source.ts";
import type { CheckMachinesRequest, WorkerResults } from "../protocol.ts";

/** So many are named; one is enough to act on. */
const MAX_NAMED = 5;

export async function serve(
  { source, paths, parents, excludes, architecture }: CheckMachinesRequest,
  context: WorkerContext,
  { signal }: Call,
): Promise<WorkerResults["machines"]> {
  const { tree, unfiltered } = copySource(source, context);
  const sources = selectSources(tree, paths.map(fromUtf8), { unfiltered, parents, excludes });
  return takeSteps(check(sources, architecture), signal);
}

/** Yields after each file. */
function* check(sources: readonly Source[], architecture: string): Generator<void, WorkerResults["machines"]> {
  const wrong: { readonly path: string; readonly architecture: string }[] = [];
  let checked = 0;
  for (const selected of sources) {
    for (const { source: path, node } of selectNodes(selected.tree, selected)) {
      yield;
      if (node.type !== "file" || node.size < ELF_START_BYTES) continue;
      const identity = readElfIdentity(startOf(selected.tree, path));
      if (identity === undefined || isDeviceCode(identity)) continue;
      checked++;
      const found = elfArchitecture(identity) ?? `machine ${identity.machine}`;
      if (found !== architecture && wrong.length < MAX_NAMED)
        wrong.push({ path: `/${toUtf8(path)}`, architecture: found });
    }
  }
  return { checked, wrong };
}

function startOf(tree: Tree, path: string): Uint8Array {
  const content = tree.open(path);
  try {
    const bytes = content.next();
    if (bytes instanceof Promise) throw new Error("content of a tree came with a promise");
    return Uint8Array.from((bytes ?? new Uint8Array()).subarray(0, ELF_START_BYTES));
  } finally {
    content.close();
  }
}

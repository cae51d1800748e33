import { fromUtf8 } from "../../layer/entry.ts";
import { copyEntries } from "../../snapshot/copy.ts";
import { emptyTree } from "../../snapshot/empty-tree.ts";
import { inlineSources } from "../../snapshot/inline-sources.ts";
import { selectSources } from "../../snapshot/select.ts";
import { baseTree } from "../base-tree.ts";
import type { Call, WorkerContext } from "../context.ts";
import { copySource } from "../copy-source.ts";
import type { CopyRequest, WorkerResults } from "../protocol.ts";
import { leaveResult } from "../result.ts";
import { unpackSources } from "../unpack.ts";

export async function serve(request: CopyRequest, context: WorkerContext, call: Call): Promise<WorkerResults["copy"]> {
  const { id, result, paths, parents, excludes, destination, intoDirectory, owner, mode, expect } = request;
  const base = baseTree(request.base, context);
  const more = inlineSources(request.inline ?? [], BigInt(request.mtime));
  const { tree, unfiltered } = copySource(request.source, context);
  const names = paths.map(fromUtf8);
  const chosen = selectSources(tree, names, { unfiltered, parents, excludes });
  const unpacked = request.unpack === true ? await unpackSources(chosen, context, call.signal) : undefined;
  const entries = () =>
    copyEntries({
      source: tree,
      paths: names,
      selected: unpacked?.sources ?? chosen,
      more,
      base: request.link === true ? emptyTree : base,
      destination: fromUtf8(destination),
      intoDirectory,
      owner,
      mode,
      expect,
    });
  try {
    return await leaveResult(entries, { id, form: result, base }, context, call);
  } finally {
    unpacked?.close();
  }
}

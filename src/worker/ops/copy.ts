import { fromUtf8 } from "../../layer/entry.ts";
import { copyEntries } from "../../snapshot/copy.ts";
import { emptyTree } from "../../snapshot/empty-tree.ts";
import { inlineSources } from "../../snapshot/inline-sources.ts";
import { baseTree } from "../base-tree.ts";
import type { Call, WorkerContext } from "../context.ts";
import { copySource } from "../copy-source.ts";
import type { CopyRequest, WorkerResults } from "../protocol.ts";
import { leaveResult } from "../result.ts";

export async function serve(request: CopyRequest, context: WorkerContext, call: Call): Promise<WorkerResults["copy"]> {
  const { id, result, paths, parents, excludes, destination, intoDirectory, owner, mode, expect } = request;
  const base = baseTree(request.base, context);
  const more = inlineSources(request.inline ?? [], BigInt(request.mtime));
  const { tree, unfiltered } = copySource(request.source, context);
  const entries = () =>
    copyEntries({
      source: tree,
      unfiltered,
      paths: paths.map(fromUtf8),
      parents,
      excludes,
      more,
      base: request.link === true ? emptyTree : base,
      destination: fromUtf8(destination),
      intoDirectory,
      owner,
      mode,
      expect,
    });
  return leaveResult(entries, { id, form: result, base }, context, call);
}

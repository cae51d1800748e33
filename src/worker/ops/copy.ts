import type { Digest } from "../../oci/digest.ts";
import { fromUtf8 } from "../../layer/entry.ts";
import { copyEntries } from "../../snapshot/copy.ts";
import { emptyTree } from "../../snapshot/empty-tree.ts";
import { inlineSources } from "../../snapshot/inline-sources.ts";
import { selectSources } from "../../snapshot/select.ts";
import type { Source } from "../../snapshot/select.ts";
import type { Tree } from "../../snapshot/tree.ts";
import { baseTree } from "../base-tree.ts";
import type { Call, WorkerContext } from "../context.ts";
import { copySource } from "../copy-source.ts";
import type { CopyRequest, MoreCopied, WorkerResults } from "../protocol.ts";
import { leaveResult } from "../result.ts";
import { unpackSources } from "../unpack.ts";

export async function serve(request: CopyRequest, context: WorkerContext, call: Call): Promise<WorkerResults["copy"]> {
  const { id, result, parents, excludes, destination, intoDirectory, owner, mode, expect } = request;
  const base = baseTree(request.base, context);
  const more = inlineSources(request.inline ?? [], BigInt(request.mtime));
  const { tree, unfiltered } = copySource(request.source, context);
  const paths = request.paths.map(fromUtf8);
  const chosen = selectSources(tree, paths, { unfiltered, parents, excludes });
  const others = (request.more ?? []).map((other) => chooseOther(other, excludes, context));
  const all = [...chosen, ...others.flatMap(({ sources }) => sources)];
  const packed = new Set([
    ...(request.unpack === true ? chosen : []),
    ...others.flatMap(({ unpack, sources }) => (unpack ? sources : [])),
  ]);
  const unpacked = packed.size === 0 ? undefined : await unpackSources(all, packed, context, call.signal);
  const entries = () =>
    copyEntries({
      source: tree,
      paths,
      selected: unpacked?.sources ?? all,
      others,
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

interface OtherSources {
  readonly tree: Tree;
  readonly sources: readonly Source[];
  readonly unpack: boolean;
  readonly expect: Digest;
}

function chooseOther(
  { source, paths, unpack, expect }: MoreCopied,
  excludes: readonly string[] | undefined,
  context: WorkerContext,
): OtherSources {
  const { tree, unfiltered } = copySource(source, context);
  return { tree, sources: selectSources(tree, paths.map(fromUtf8), { unfiltered, excludes }), unpack, expect };
}

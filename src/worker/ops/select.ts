import { fromUtf8 } from "../../layer/entry.ts";
import { contentDigest } from "../../snapshot/content-digest.ts";
import { selectSources } from "../../snapshot/select.ts";
import type { WorkerContext } from "../context.ts";
import { copySource } from "../copy-source.ts";
import type { SelectRequest, WorkerResults } from "../protocol.ts";

export async function serve(
  { source, paths, parents, excludes }: SelectRequest,
  context: WorkerContext,
): Promise<WorkerResults["select"]> {
  const { tree, unfiltered } = copySource(source, context);
  return { content: contentDigest(tree, selectSources(tree, paths.map(fromUtf8), { unfiltered, parents, excludes })) };
}

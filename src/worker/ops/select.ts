import { fromUtf8 } from "../../layer/entry.ts";
import { takeSteps } from "../../base/steps.ts";
import { digestSteps } from "../../snapshot/content-digest.ts";
import { selectSources } from "../../snapshot/select.ts";
import type { Call, WorkerContext } from "../context.ts";
import { copySource } from "../copy-source.ts";
import type { SelectRequest, WorkerResults } from "../protocol.ts";

export async function serve(
  { source, paths, ...rest }: SelectRequest,
  context: WorkerContext,
  { signal }: Call,
): Promise<WorkerResults["select"]> {
  const { tree, unfiltered } = copySource(source, context);
  const sources = selectSources(tree, paths.map(fromUtf8), { unfiltered, ...rest });
  return { content: await takeSteps(digestSteps(tree, sources), signal) };
}

import { exportTree } from "../../snapshot/export-tree.ts";
import type { Call, WorkerContext } from "../context.ts";
import type { ExportRequest } from "../protocol.ts";
import { chainTree } from "../snapshots.ts";

export async function serve(
  { chain, directory }: ExportRequest,
  context: WorkerContext,
  { signal }: Call,
): Promise<null> {
  await exportTree(chainTree(chain, context), directory, {
    syscalls: context.syscalls,
    signal,
    onNotice: (message) => context.note("EXPORT_INCOMPLETE", message),
  });
  return null;
}

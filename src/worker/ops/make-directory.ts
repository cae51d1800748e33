import type { DirectoryEntry } from "../../layer/entry.ts";
import { fromUtf8 } from "../../layer/entry.ts";
import { resolveOwner } from "../../snapshot/owner.ts";
import { baseTree } from "../base-tree.ts";
import type { Call, WorkerContext } from "../context.ts";
import { missingDirectories } from "../missing-directories.ts";
import type { MakeDirectoryRequest, WorkerResults } from "../protocol.ts";
import { leaveResult } from "../result.ts";

export async function serve(
  request: MakeDirectoryRequest,
  context: WorkerContext,
  call: Call,
): Promise<WorkerResults["mkdir"]> {
  const base = baseTree(request.base, context);
  const { uid, gid } = request.owner === undefined ? { uid: 0, gid: 0 } : resolveOwner(base, request.owner);
  const mtime = BigInt(request.mtime);
  const made = missingDirectories(base, fromUtf8(request.path)).map((path): DirectoryEntry => ({
    type: "directory",
    path,
    mode: 0o755,
    uid,
    gid,
    mtime,
  }));
  return leaveResult(() => made, { id: request.id, form: request.result, base }, context, call);
}

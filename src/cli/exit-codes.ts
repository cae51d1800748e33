/**
 * What the process answers. Documented in docs/exit-codes.md; scripts depend on them.
 * A code follows from the error's code: the longest prefix listed wins.
 */
/** Anything that has no code of its own. */
export const EXIT_FAILURE = 1;
export const EXIT_USAGE = 2;

const BY_PREFIX: readonly (readonly [prefix: string, exitCode: number])[] = [
  ["USAGE_", EXIT_USAGE],
  ["PLATFORM_", EXIT_USAGE],
  ["REFERENCE_", EXIT_USAGE],
  ["MEDIA_TYPE_", EXIT_USAGE],
  ["ADDRESS_", EXIT_USAGE],
  ["SECRET_", EXIT_USAGE],
  ["SSH_", EXIT_USAGE],
  ["DOCKERFILE_", 3],
  ["OWNER_", 3],
  ["COPY_", 4],
  ["CONTEXT_", 4],
  ["FILE_", 4],
  ["IGNORE_", 4],
  ["TREE_", 4],
  ["PATH_", 4],
  ["ADD_", 4],
  ["RUN_", 5],
  ["RUN_MOUNT_", 4],
  ["REGISTRY_", 6],
  // A flag or a setting.
  ["REGISTRY_MIRROR_", EXIT_USAGE],
  ["FETCH_", 6],
  ["GIT_", 6],
  ["AUTH_", 6],
  ["CREDENTIAL", 6],
  ["MANIFEST_", 7],
  ["DIGEST_", 7],
  ["DESCRIPTOR_", 7],
  ["JSON_", 7],
  ["LAYER_", 7],
  ["TAR_", 7],
  ["CONFIG_", 7],
  ["SANDBOX_", 8],
  ["PLAN_", 8],
  ["CROSS_", 8],
  ["SYSCALLS_", 8],
  ["WORKER_", 8],
  ["OVERLAY_", 8],
  ["PATH_NO_PROC", 8],
  // What the store lost while it was in use.
  ["STEP_", 9],
  ["LAYER_INDEX_", 9],
  ["STORE_", 9],
  ["BLOB_", 9],
  ["DISK_", 9],
  ["OUTPUT_", 10],
  ["EXPORT_", 10],
];

export function exitCodeOf(code: string): number {
  if (code === "INTERRUPTED_SIGHUP") return 129;
  if (code === "INTERRUPTED_SIGINT") return 130;
  if (code === "INTERRUPTED_SIGTERM") return 143;
  let best: readonly [string, number] = ["", EXIT_FAILURE];
  for (const entry of BY_PREFIX) if (code.startsWith(entry[0]) && entry[0].length > best[0].length) best = entry;
  return best[1];
}

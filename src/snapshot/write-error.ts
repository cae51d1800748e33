import { AppError, errnoOf, messageOf } from "../base/errors.ts";
import { showPath } from "./resolve-path.ts";

/** A failed write at `path` as an AppError: `DISK_FULL`, or `code` for what else the system says. Others pass as they are. */
export function explainWrite(error: unknown, path: string, code: string): unknown {
  if (error instanceof AppError) return error;
  const errno = errnoOf(error);
  if (errno === undefined) return error;
  if (errno !== "ENOSPC" && errno !== "EDQUOT") {
    return new AppError(code, `cannot write ${showPath(path)}: ${messageOf(error)}`, { cause: error });
  }
  return new AppError("DISK_FULL", `no space left in the store to write ${showPath(path)}`, {
    hint: "Free some space or inodes there, or put the store elsewhere with --root or MANYARCH_ROOT.",
    cause: error,
  });
}

import { spawn } from "node:child_process";
import { once } from "node:events";
import { AppError } from "../base/errors.ts";
import { mapIds, ownIdMaps } from "./id-maps.ts";

/** Whether this user, who is not root, gets a user namespace with his subordinate ids: tried, with one that does nothing. */
export async function mayMapIds(path: string, signal: AbortSignal): Promise<boolean> {
  try {
    const maps = ownIdMaps();
    const child = spawn("unshare", ["--user", "--", "/bin/sh", "-c", "echo; exec cat"], {
      stdio: ["pipe", "pipe", "ignore"],
      env: { PATH: path },
    });
    const ended = once(child, "close", { signal });
    ended.catch(() => {});
    child.stdin.on("error", () => {});
    try {
      const inside = await Promise.race([
        once(child.stdout, "data", { signal }).then(() => true),
        ended.then(() => false),
      ]);
      if (!inside || child.pid === undefined) return false;
      await mapIds(child.pid, maps, path, signal);
      return true;
    } finally {
      child.stdin.end();
      await ended.catch(() => {});
    }
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof AppError || (error instanceof Error && "syscall" in error)) return false;
    throw error;
  }
}

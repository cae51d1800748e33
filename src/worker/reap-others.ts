import { readdirSync } from "node:fs";
import { basename } from "node:path";
import { storePaths } from "../store/paths.ts";

/**
 * Removes what dead builds left in the store's sessions, as only we may where RUNs left files of other
 * owners. There are some only after both control and its guard were killed, or the power failed.
 */
export async function reapOthers(root: string, session: string): Promise<void> {
  const paths = storePaths(root);
  const own = basename(session);
  if (readdirSync(paths.sessions).every((name) => name.startsWith(own))) return;
  // Its locks are SQLite's, which takes 5 ms to load.
  const { reapSessions } = await import("../store/reap.ts");
  reapSessions(paths);
}

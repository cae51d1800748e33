import { rmSync } from "node:fs";
import { join } from "node:path";
import type { Entry } from "../../layer/entry.ts";
import { DirectoryTree } from "../../snapshot/dir-tree.ts";
import { entryOf } from "../../snapshot/node-entry.ts";
import { walk } from "../../snapshot/walk.ts";
import { git } from "./git-command.ts";
import type { GitRunner } from "./git-command.ts";
import { timeOf } from "./git-entries.ts";
import type { FetchedRepository } from "./git-fetch.ts";
import type { GitCommit } from "./git-refs.ts";

/**
 * The `.git` directory of a repository whose files were read: without history, hooks and whoever fetched
 * it, with an index that says nothing of any disk. The bare repository becomes it.
 */
export async function* metadataEntries(
  repository: FetchedRepository,
  { ref, object }: GitCommit,
  runner: GitRunner,
): AsyncGenerator<Entry, void, undefined> {
  const { commit, gitDirectory, remote } = repository;
  const call = (...args: readonly string[]): Promise<string> =>
    git(`cannot make .git of ${remote}`, args, runner, { gitDirectory });
  const mtime = await timeOf(repository, runner);
  const fetched = await call("for-each-ref", "--format=%(refname)", "refs/fetched/");
  if (ref !== undefined) await call("update-ref", ref, object);
  await call("update-ref", "--no-deref", "HEAD", commit);
  for (const name of fetched.split("\n").filter((line) => line !== "")) await call("update-ref", "-d", name);
  await call("config", "core.bare", "false");
  await call("config", "core.logAllRefUpdates", "true");
  await call("config", "remote.origin.url", remote);
  await call("config", "remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*");
  await call("read-tree", "HEAD");
  for (const name of ["info", "logs", "FETCH_HEAD", "ORIG_HEAD", "description"])
    rmSync(join(gitDirectory, name), { recursive: true, force: true });
  yield { type: "directory", path: ".git", mode: 0o755, uid: 0, gid: 0, mtime };
  const tree = new DirectoryTree(gitDirectory, { owner: { uid: 0, gid: 0 } });
  for (const { path, node } of walk(tree, "")) {
    const entry = entryOf(tree, path, node);
    if (entry === undefined || entry.type === "whiteout" || entry.type === "opaque") continue;
    const mode = entry.type === "directory" ? 0o755 : (entry.mode & 0o100) === 0 ? 0o644 : 0o755;
    yield { ...entry, path: `.git/${path}`, mode, mtime, xattrs: undefined };
  }
}

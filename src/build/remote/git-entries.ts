import { rmSync } from "node:fs";
import { join } from "node:path";
import { AppError } from "../../base/errors.ts";
import { fileChunks } from "../../layer/file-chunks.ts";
import { fromUtf8 } from "../../layer/entry.ts";
import type { Entry } from "../../layer/entry.ts";
import { readTar } from "../../layer/tar/reader.ts";
import { git, runGit } from "./git-command.ts";
import type { GitRunner } from "./git-command.ts";
import type { FetchedRepository } from "./git-fetch.ts";
import { submodulesOf } from "./git-submodules.ts";
import type { Submodule } from "./git-submodules.ts";

export interface TreeOptions {
  /** Relative and clean; empty is the root. */
  readonly directory: string;
  readonly submodules: boolean;
  /** Fetches a submodule, which has a directory of its own each time. */
  fetch(submodule: Submodule): Promise<FetchedRepository>;
}

/** Repositories in repositories in repositories. */
const MAX_DEPTH = 16;

/**
 * The files of a commit below `directory`, as a checkout would leave them, but for what a checkout can be
 * made to do: nothing is written under names that the repository chose. Times are the commit's, owner is
 * root. Throws `GIT_DIRECTORY` where `directory` is none, also behind a link.
 */
export async function* treeEntries(
  repository: FetchedRepository,
  options: TreeOptions,
  runner: GitRunner,
  depth = 0,
): AsyncGenerator<Entry, void, undefined> {
  const { directory } = options;
  if (depth > MAX_DEPTH) throw tooDeep(repository);
  const all = options.submodules ? await submodulesOf(repository, runner) : [];
  const around = all.find(({ path }) => directory === path || directory.startsWith(`${path}/`));
  if (around !== undefined) {
    const inner = { ...options, directory: directory.slice(around.path.length + 1) };
    yield* treeEntries(await options.fetch(around), inner, runner, depth + 1);
    return;
  }
  await checkDirectory(repository, directory, runner);
  yield* archived(repository, directory, runner);
  const prefix = directory === "" ? "" : `${directory}/`;
  for (const submodule of all.filter(({ path }) => path.startsWith(prefix))) {
    const inner = { ...options, directory: "" };
    const place = fromUtf8(submodule.path.slice(prefix.length));
    for await (const entry of treeEntries(await options.fetch(submodule), inner, runner, depth + 1)) {
      if (entry.path !== "") yield moved(entry, place);
    }
  }
}

async function* archived(
  repository: FetchedRepository,
  directory: string,
  runner: GitRunner,
): AsyncGenerator<Entry, void, undefined> {
  const { commit, gitDirectory, remote } = repository;
  const tar = join(gitDirectory, "files.tar");
  const paths = directory === "" ? [] : ["--", directory];
  const args = ["--literal-pathspecs", "archive", "--format=tar", "-o", tar, commit, ...paths];
  await git(`cannot read the files of ${remote}`, args, runner, { gitDirectory });
  const root = fromUtf8(directory);
  try {
    yield { type: "directory", path: "", mode: 0o755, uid: 0, gid: 0, mtime: await timeOf(repository, runner) };
    for await (const entry of readTar(fileChunks(tar, runner.signal))) {
      if (entry.type === "whiteout" || entry.type === "opaque") throw whiteout(remote);
      if (root === "") yield entry;
      else if (entry.path.startsWith(`${root}/`)) yield cut(entry, root.length + 1);
    }
  } finally {
    rmSync(tar, { force: true });
  }
}

/** When the commit was made, in nanoseconds since the epoch. */
export async function timeOf({ commit, gitDirectory, remote }: FetchedRepository, runner: GitRunner): Promise<bigint> {
  const args = ["log", "-1", "--format=%ct", "--end-of-options", commit];
  const seconds = await git(`cannot read ${commit} of ${remote}`, args, runner, { gitDirectory });
  return BigInt(seconds.trim()) * 1_000_000_000n;
}

/** A path of a commit follows no link, so what is found is what is meant. */
async function checkDirectory(
  { commit, gitDirectory, remote }: FetchedRepository,
  directory: string,
  runner: GitRunner,
): Promise<void> {
  if (directory === "") return;
  const found = await runGit(["cat-file", "-t", "--", `${commit}:${directory}`], runner, { gitDirectory });
  if (found.code === 0 && found.stdout.trim() === "tree") return;
  throw new AppError("GIT_DIRECTORY", `${remote} has no directory ${directory} at ${commit}`, {
    hint: "Name a directory of the repository; links are not followed.",
  });
}

function moved(entry: Entry, place: string): Entry {
  const renamed = { ...entry, path: `${place}/${entry.path}` };
  return renamed.type === "hardlink" ? { ...renamed, target: `${place}/${renamed.target}` } : renamed;
}

function cut(entry: Entry, length: number): Entry {
  return { ...entry, path: entry.path.slice(length) };
}

function whiteout(remote: string): AppError {
  return new AppError(
    "GIT_FILE_NAME",
    `${remote} holds a file whose name begins with .wh., which means a removal in an image`,
    {
      hint: "Rename it, or take a directory without it: URL.git#REF:DIRECTORY.",
    },
  );
}

function tooDeep({ remote }: FetchedRepository): AppError {
  return new AppError("GIT_SUBMODULE", `${remote} is a submodule of more than ${MAX_DEPTH} others`, {
    hint: "Leave submodules out with ?submodules=false.",
  });
}

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AppError } from "../../base/errors.ts";
import { git, gitError, runGit } from "./git-command.ts";
import type { GitOptions, GitRunner } from "./git-command.ts";

/** A bare repository that has one commit, and what that needs. */
export interface FetchedRepository {
  readonly remote: string;
  readonly commit: string;
  /** Absolute. */
  readonly gitDirectory: string;
}

export interface WantedCommit {
  readonly remote: string;
  /** Commit, or tag of one. */
  readonly object: string;
  /** By which the object may be asked for where the server gives none by its digits. */
  readonly ref?: string | undefined;
}

/** Fetches one commit without its history, into the new directory `gitDirectory`. Throws `GIT_*`. */
export async function fetchCommit(
  { remote, object, ref }: WantedCommit,
  gitDirectory: string,
  runner: GitRunner,
  options: GitOptions,
): Promise<FetchedRepository> {
  const inside = { ...options, gitDirectory };
  const format = object.length === 64 ? ["--object-format=sha256"] : [];
  await git("cannot make a repository", ["init", "--quiet", "--bare", "--template=", ...format, gitDirectory], runner);
  mkdirSync(join(gitDirectory, "info"), { recursive: true });
  // Above all the repository says: its files are taken as a checkout has them, not as an export.
  writeFileSync(join(gitDirectory, "info/attributes"), "* -export-ignore -export-subst\n");
  await fetchObject({ remote, object, ref }, runner, inside);
  const commit = (
    await git(
      `${remote} has no ${object}`,
      ["rev-parse", "--verify", "--end-of-options", `${object}^{commit}`],
      runner,
      inside,
    )
  ).trim();
  return { remote, commit, gitDirectory };
}

async function fetchObject(
  { remote, object, ref }: WantedCommit,
  runner: GitRunner,
  options: GitOptions,
): Promise<void> {
  const what = `cannot fetch ${object} of ${remote}`;
  const one = await runGit([...FETCH, "--depth=1", "--", remote, `${object}:refs/fetched/one`], runner, options);
  if (one.code === 0) return;
  const isLimit =
    /not our ref|unadvertised object|does not allow request|dumb http|shallow|couldn't find remote ref|no matching remote head/i;
  if (!isLimit.test(one.stderr)) {
    if (!gitError(what, one).retryable) throw gitError(what, one);
    await git(what, [...FETCH, "--depth=1", "--", remote, `${object}:refs/fetched/one`], runner, options);
    return;
  }
  // Old servers give what they advertise only, and plain files over HTTP know no depth.
  const attempts = [
    ...(ref === undefined ? [] : [["--depth=1", "--", remote, `${ref}:refs/fetched/one`]]),
    ["--", remote, "+refs/heads/*:refs/fetched/heads/*", "+refs/tags/*:refs/fetched/tags/*"],
  ];
  for (const args of attempts) {
    await runGit([...FETCH, ...args], runner, options);
    const found = await runGit(["cat-file", "-e", "--end-of-options", `${object}^{commit}`], runner, options);
    if (found.code === 0) return;
  }
  throw new AppError("GIT_REF_NOT_FOUND", `${remote} gives no commit ${object}`, {
    hint: "The commit may have gone with the branch it was on: name another one.",
  });
}

const FETCH = ["fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head", "--force"];

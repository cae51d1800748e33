import { AppError } from "../../base/errors.ts";
import type { GitStep } from "../../engine/types.ts";
import { git } from "./git-command.ts";
import type { GitOptions, GitRunner } from "./git-command.ts";

/** What a step's ref names now. */
export interface GitCommit {
  /** The commit, or what is to be peeled to it where it was named by its digits alone. */
  readonly commit: string;
  /** The tag's own object, of an annotated one; else the commit. */
  readonly object: string;
  /** As the repository calls it: `refs/heads/main`; absent of a commit named by its digits. */
  readonly ref?: string | undefined;
}

/**
 * Asks the repository what the ref names, as BuildKit does: a full commit names itself, branches come
 * before tags. Throws `GIT_REF_NOT_FOUND`, `GIT_CHECKSUM` and what git fails with.
 */
export async function resolveCommit(step: GitStep, runner: GitRunner, options: GitOptions): Promise<GitCommit> {
  const { remote, checksum } = step;
  const ref = step.ref ?? "";
  if (isCommit(ref)) {
    if (checksum !== undefined && !ref.startsWith(checksum.toLowerCase())) throw wrongCommit(step, [ref]);
    return { commit: ref, object: ref };
  }
  if (step.byCommit) return trusted(step);
  const name = ref === "" ? await defaultBranch(remote, runner, options) : ref;
  const text = await git(
    `cannot ask ${remote} for its refs`,
    ["ls-remote", "--", remote, name, `${name}^{}`],
    runner,
    options,
  );
  const found = choose(name, refsOf(text));
  if (found === undefined) throw noRef(remote, name);
  const named = [...new Set([found.object, found.commit])];
  if (checksum !== undefined && !named.some((digits) => digits.startsWith(checksum.toLowerCase())))
    throw wrongCommit(step, named);
  return found;
}

export function isCommit(text: string): boolean {
  return /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(text);
}

/** fetch-by-commit: the commit is known, the ref is what it goes by. */
function trusted({ remote, ref, checksum = "" }: GitStep): GitCommit {
  const commit = checksum.toLowerCase();
  if (!isCommit(commit)) {
    throw new AppError("GIT_CHECKSUM", `${remote}: fetch-by-commit needs a whole commit, found ${checksum || "none"}`, {
      hint: "Write fetch-by-commit=true&commit=DIGITS with all digits of the commit.",
    });
  }
  const name = ref === undefined || ref.startsWith("refs/") ? ref : `refs/heads/${ref}`;
  return { commit, object: commit, ref: name };
}

async function defaultBranch(remote: string, runner: GitRunner, options: GitOptions): Promise<string> {
  const args = ["ls-remote", "--symref", "--", remote, "HEAD"];
  const text = await git(`cannot ask ${remote} for its default branch`, args, runner, options);
  const name = /^ref: (refs\/heads\/\S+)\tHEAD$/m.exec(text)?.[1];
  if (name !== undefined) return name;
  throw new AppError("GIT_REF_NOT_FOUND", `${remote} has no default branch`, {
    hint: "Name a branch, tag or commit: URL.git#REF.",
  });
}

function refsOf(text: string): ReadonlyMap<string, string> {
  const refs = new Map<string, string>();
  for (const line of text.split("\n")) {
    const [digits = "", name = ""] = line.split("\t");
    if (isCommit(digits)) refs.set(name, digits);
  }
  return refs;
}

/** The whole name first, then a branch, then a tag: git's own order for a checkout. */
function choose(name: string, refs: ReadonlyMap<string, string>): GitCommit | undefined {
  const short = (prefix: string): string => prefix + (name.startsWith(prefix) ? name.slice(prefix.length) : name);
  for (const ref of [short("refs/"), short("refs/heads/"), short("refs/tags/")]) {
    const object = refs.get(ref);
    if (object !== undefined) return { object, commit: refs.get(`${ref}^{}`) ?? object, ref };
  }
  return undefined;
}

function noRef(remote: string, name: string): AppError {
  return new AppError("GIT_REF_NOT_FOUND", `${remote} has no ref ${name}`, {
    hint: "See git ls-remote for its branches and tags; a commit is named by all its digits.",
  });
}

function wrongCommit({ remote, ref, checksum }: GitStep, found: readonly string[]): AppError {
  return new AppError(
    "GIT_CHECKSUM",
    `${remote}: ${ref ?? "the default branch"} is ${found.join(" or ")}, expected ${checksum}`,
    { hint: "Find out why the ref moved; if it is meant to, correct the checksum." },
  );
}

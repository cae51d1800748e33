import { AppError } from "../../base/errors.ts";
import { isGitTransport } from "../../frontend/context/git-address.ts";
import { git, runGit } from "./git-command.ts";
import type { GitRunner } from "./git-command.ts";
import type { FetchedRepository } from "./git-fetch.ts";

/** A commit of another repository that a directory of this one stands for. */
export interface Submodule {
  readonly path: string;
  readonly commit: string;
  readonly remote: string;
}

/** The submodules of a commit, by their paths. One that git would not update is left out. Throws `GIT_SUBMODULE`. */
export async function submodulesOf(repository: FetchedRepository, runner: GitRunner): Promise<readonly Submodule[]> {
  const { commit, gitDirectory } = repository;
  const what = `cannot list the submodules of ${repository.remote}`;
  // Without files, of which there may be any number.
  const tree = await git(what, ["ls-tree", "-r", "-d", "-z", "--full-tree", commit], runner, { gitDirectory });
  const links = tree.split("\0").flatMap((line) => {
    const match = /^160000 commit ([0-9a-f]+)\t(.*)$/s.exec(line);
    return match === null ? [] : [{ commit: match[1] ?? "", path: match[2] ?? "" }];
  });
  if (links.length === 0) return [];
  const modules = await readModules(repository, runner);
  return links.flatMap((link) => {
    const found = modules.find(({ path }) => path === link.path);
    if (found?.update === "none") return [];
    if (found?.url === undefined) throw noUrl(repository, link.path);
    return [{ ...link, remote: resolveUrl(repository.remote, found.url, link.path) }];
  });
}

interface Module {
  path?: string;
  url?: string;
  update?: string;
}

/** What `.gitmodules` says, read by git out of the commit: it is on no disk. */
async function readModules({ commit, gitDirectory }: FetchedRepository, runner: GitRunner): Promise<readonly Module[]> {
  const args = ["config", "--no-includes", "--blob", `${commit}:.gitmodules`, "-z", "--get-regexp", "^submodule\\."];
  const { stdout } = await runGit(args, runner, { gitDirectory });
  const modules = new Map<string, Module>();
  for (const item of stdout.split("\0")) {
    const [, name = "", key = "", value = ""] = /^submodule\.(.*)\.([a-z]+)\n(.*)$/s.exec(item) ?? [];
    const module = modules.get(name) ?? {};
    if (key === "path" || key === "url" || key === "update") module[key] = value;
    modules.set(name, module);
  }
  return [...modules.values()];
}

/** As git resolves it: `./x` and `../x` begin at the repository itself. */
export function resolveUrl(base: string, url: string, path: string): string {
  const absolute = /^\.\.?\//.test(url) ? relativeTo(base, url) : url;
  if (isGitTransport(absolute)) return absolute;
  throw new AppError(
    "GIT_SUBMODULE",
    `submodule ${path} is at ${JSON.stringify(url)}, which is no address that is fetched from`,
    {
      hint: "Addresses are https, http, ssh and git ones; leave submodules out with ?submodules=false.",
    },
  );
}

function relativeTo(base: string, url: string): string {
  let [remaining, rest] = [base.replace(/\/+$/, ""), url];
  for (;;) {
    if (rest.startsWith("./")) rest = rest.slice(2);
    else if (rest.startsWith("../")) {
      rest = rest.slice(3);
      const cut = Math.max(remaining.lastIndexOf("/"), remaining.lastIndexOf(":"));
      remaining = remaining.slice(0, cut);
    } else break;
  }
  // Of `host:a` nothing is left but the host.
  const join = /^[^/]*@[^/:]*$/.test(remaining) ? ":" : "/";
  return `${remaining}${join}${rest}`;
}

function noUrl({ remote }: FetchedRepository, path: string): AppError {
  return new AppError("GIT_SUBMODULE", `${remote} has a submodule at ${path} that .gitmodules does not name`, {
    hint: "Leave submodules out with ?submodules=false.",
  });
}

import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findProgram, runTool } from "./process.ts";

/** Somebody to run the command line as. */
export interface BedUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

/** Made by the bed where it runs as root, with the ranges of subordinate ids that useradd gives. */
const TEST_USER = "manyarch-test";

/** This checkout, with a slash at the end. */
export const CHECKOUT = fileURLToPath(new URL("../../", import.meta.url));

export const runsAsRoot = userInfo().uid === 0;

/** An unprivileged user with subordinate ids: the current one, or (as root) `manyarch-test`, made where missing. */
export function unprivilegedUser(): BedUser {
  const name = runsAsRoot ? ensureTestUser() : userInfo().username;
  const [, , uid, gid, , home = "/"] = runTool("getent", ["passwd", name]).trim().split(":");
  return { name, uid: Number(uid), gid: Number(gid), home };
}

/** Why the unprivileged user cannot use user namespaces with id ranges, or undefined where it can. */
export function missingForNamespaces(user: BedUser): string | undefined {
  for (const path of ["/etc/subuid", "/etc/subgid"]) {
    const lines = readFileSync(path, "utf8").split("\n");
    if (!lines.some((line) => line.startsWith(`${user.name}:`) || line.startsWith(`${user.uid}:`))) {
      return `${user.name} has no line in ${path}`;
    }
  }
  return findProgram("newuidmap") === undefined ? "newuidmap is not installed (Debian package uidmap)" : undefined;
}

/** The command that runs `argv` as `user`: nothing of root is left, and nothing to become it again. */
export function asUser(user: BedUser, argv: readonly string[]): readonly string[] {
  if (!runsAsRoot || user.uid === 0) return argv;
  return ["setpriv", `--reuid=${user.uid}`, `--regid=${user.gid}`, "--init-groups", "--inh-caps=-all", ...argv];
}

/**
 * A directory with `bin/manyarch` that `user` can run: the checkout, or, where that is behind closed
 * directories, a copy of what running needs. The caller removes `copy`.
 */
export function readableCheckout(user: BedUser): { readonly path: string; readonly copy: string | undefined } {
  if (isCheckoutReadable(user)) return { path: CHECKOUT, copy: undefined };
  const copy = mkdtempSync(join(tmpdir(), "manyarch-checkout-"));
  for (const name of ["bin", "src", "examples", "package.json"])
    cpSync(join(CHECKOUT, name), join(copy, name), { recursive: true });
  copyRuntimeModules(copy);
  runTool("chmod", ["-R", "u=rwX,go=rX", copy]);
  return { path: copy, copy };
}

export function isCheckoutReadable(user: BedUser): boolean {
  const readable = ["test", "-r", join(CHECKOUT, "package.json"), "-a", "-x", nodeProgram(CHECKOUT)];
  const [command = "", ...args] = asUser(user, readable);
  return spawnSync(command, args, { cwd: "/" }).status === 0;
}

function ensureTestUser(): string {
  const known = spawnSync("getent", ["passwd", TEST_USER]).status === 0;
  if (!known) runTool("useradd", ["--create-home", "--shell", "/bin/sh", TEST_USER]);
  return TEST_USER;
}

function nodeProgram(checkout: string): string {
  return join(checkout, "node_modules", `node-linux-${process.arch}`, "bin/node");
}

/** What runs manyarch besides its own files, into `directory`/node_modules. */
export function copyRuntimeModules(directory: string): void {
  for (const name of runtimeModules()) {
    mkdirSync(join(directory, "node_modules", name, ".."), { recursive: true });
    cpSync(join(CHECKOUT, "node_modules", name), join(directory, "node_modules", name), { recursive: true });
  }
}

function runtimeModules(): readonly string[] {
  const names = readdirSync(join(CHECKOUT, "node_modules"));
  const scoped = names.filter((name) => name === "@stricli" || name === "@koromix");
  return [...scoped, ...names.filter((name) => name === "koffi" || name.startsWith("node-linux-"))];
}

/** Removes a tree, including what belongs to the subordinate ids of an unprivileged user. */
export function removeTree(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    runTool("unshare", ["--map-root-user", "--map-auto", "--user", "rm", "-rf", path]);
  }
}

import { mkdirSync, readFileSync } from "node:fs";
import { AppError } from "../../base/errors.ts";
import { fromUtf8 } from "../../layer/entry.ts";
import { formatPlatform } from "../../oci/platform.ts";
import { allCapabilities, permittedIn } from "../../sandbox/capability-numbers.ts";
import type { Qemu } from "../../sandbox/emulation/types.ts";
import { makeMountPoints, removeMountPoints } from "../../sandbox/mount-points.ts";
import type { MadeMountPoints } from "../../sandbox/mount-points.ts";
import { DirectoryTree } from "../../snapshot/dir-tree.ts";
import { giveFile } from "../../snapshot/give-file.ts";
import { LayeredTree } from "../../snapshot/layered-tree.ts";
import { resolveUser } from "../../snapshot/owner.ts";
import type { ResolvedUser } from "../../snapshot/owner.ts";
import type { Tree } from "../../snapshot/tree.ts";
import type { RootLayers, WritableRoot } from "../../snapshot/writable-root.ts";
import { RootDirectory } from "../../sys/root-path.ts";
import type { Syscalls } from "../../sys/syscalls.ts";
import type { Call, WorkerContext } from "../context.ts";
import { missingDirectories } from "../missing-directories.ts";
import type { RunRequest } from "../protocol.ts";
import { withMounts } from "../run-mounts.ts";
import type { RunMounts } from "../run-mounts.ts";
import { layerDirectories, publishSnapshot } from "../snapshots.ts";

const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export async function serve(request: RunRequest, context: WorkerContext, call: Call): Promise<null> {
  await publishSnapshot(request.id, context, async (fs, own) => {
    const lower = layerDirectories(request.parents, context);
    const user = resolveUser(new LayeredTree(lower, context.syscalls), request.user);
    await inRoot({ lower, upper: fs, space: own }, context, call.signal, async (root, points) => {
      const space = { memory: `${context.scratch}/${nameOf(context.temp.tempPath("files"))}`, disk: `${own}/mounts` };
      await withMounts(request, { root, points, space }, context, call, (mounts) =>
        runIn(root.directory, user, request, mounts, context, call),
      );
    });
  });
  return null;
}

/** Opens the layers for as long as `body` takes; what was made for mounting over is taken out again after. */
async function inRoot(
  layers: RootLayers,
  { roots, syscalls }: WorkerContext,
  signal: AbortSignal,
  body: (root: WritableRoot, points: MadeMountPoints[]) => Promise<void>,
): Promise<void> {
  const root = await roots.open(layers, signal);
  try {
    const points: MadeMountPoints[] = [makeMountPoints(root, syscalls)];
    await body(root, points);
    root.release();
    for (const made of points.toReversed()) removeMountPoints(root, made, syscalls);
    await root.collect(signal);
  } finally {
    await root.discard();
  }
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

async function runIn(
  root: string,
  user: ResolvedUser,
  request: RunRequest,
  { mounts, env }: RunMounts,
  context: WorkerContext,
  call: Call,
): Promise<void> {
  const { argv, cwd, network, hosts, ulimits, shmSize, hostname, insecure, platform, hostCa, emulator } = request;
  const goCache = request.goCache === undefined ? undefined : goCacheOf(request.goCache, user, context.syscalls);
  const tree = new DirectoryTree(root);
  makeWorkingDirectory(root, tree, cwd, user, context.syscalls);
  if (emulator?.kind === "own") registerHandler(emulator.qemu, context);
  await context.sandbox.run(
    {
      rootDirectory: root,
      tree,
      platform: formatPlatform(platform),
      argv,
      env: withVariables(environment(request.env, user), env),
      mounts,
      cwd,
      uid: user.uid,
      gid: user.gid,
      // The first is the group itself, for programs that look only there, as BuildKit has it.
      groups: [user.gid, ...user.groups],
      network,
      hosts,
      ulimits,
      shmSize,
      hostname,
      insecure:
        insecure === true ? allCapabilities(permittedIn(readFileSync("/proc/self/status", "latin1"))) : undefined,
      hostCa,
      goCache,
      emulator,
    },
    call,
  );
}

function registerHandler(qemu: Qemu, { handlers }: WorkerContext): void {
  if (handlers !== undefined) return handlers.register(qemu);
  throw new AppError("SANDBOX_EMULATOR", `${qemu.path} cannot be registered without a user namespace of our own`, {
    hint: "Have root register qemu-user with flag F on the machine (apt-get install qemu-user-static).",
  });
}

/**
 * WORKDIR makes its directory itself; this is for a base image whose config names one that is missing.
 * Nothing is made below what is mounted over: a RUN finds out by itself that `/proc/self/fd/9` is not there.
 */
function makeWorkingDirectory(
  root: string,
  tree: Tree,
  cwd: string,
  { uid, gid }: ResolvedUser,
  syscalls: Syscalls,
): void {
  if (/^\/(?:proc|sys|dev)(?:\/|$)/.test(cwd)) return;
  const missing = missingDirectories(tree, fromUtf8(cwd));
  if (missing.length === 0) return;
  const directory = RootDirectory.open(root, { links: "refuse" });
  try {
    for (const path of missing) {
      mkdirSync(directory.at(path), 0o755);
      giveFile(directory.at(path).toString("latin1"), { uid, gid, mode: 0o755 }, syscalls);
    }
  } finally {
    directory.close();
  }
}

/** Each user has a cache of his own, as he may not write another's. */
function goCacheOf(directory: string, { uid, gid }: ResolvedUser, syscalls: Syscalls): string {
  const path = `${directory}/${uid}-${gid}`;
  mkdirSync(directory, { recursive: true, mode: 0o711 });
  mkdirSync(path, { recursive: true, mode: 0o700 });
  giveFile(path, { uid, gid, mode: 0o700 }, syscalls);
  return path;
}

/** Runtimes differ in what they add, so nothing is left to them. An empty HOME counts as none, as with runc. */
function environment(given: readonly string[], user: ResolvedUser): readonly string[] {
  const env = given.filter((variable) => variable !== "HOME=");
  const has = (name: string): boolean => env.some((variable) => variable.startsWith(`${name}=`));
  return [...(has("PATH") ? [] : [`PATH=${DEFAULT_PATH}`]), ...env, ...(has("HOME") ? [] : [`HOME=${user.home}`])];
}

/** Those of a mount count more; no name is given twice. */
function withVariables(env: readonly string[], more: readonly string[]): readonly string[] {
  const names = new Set(more.map((variable) => variable.split("=", 1)[0]));
  return [...env.filter((variable) => !names.has(variable.split("=", 1)[0])), ...more];
}

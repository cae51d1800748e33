import { mkdirSync, writeFileSync } from "node:fs";
import { AppError } from "../base/errors.ts";
import { encodeUtf8 } from "../base/utf8.ts";
import { fromUtf8, toUtf8 } from "../layer/entry.ts";
import { DirectoryTree } from "../snapshot/dir-tree.ts";
import { giveFile } from "../snapshot/give-file.ts";
import { resolvePath } from "../snapshot/resolve-path.ts";
import type { Syscalls } from "../sys/syscalls.ts";
import { serveAgent } from "./agent-proxy.ts";
import { openCache } from "./cache-directory.ts";
import type { Call, WorkerContext } from "./context.ts";
import type { Access, BindMount, RunMount, SecretMount } from "./protocol.ts";
import { layerDirectories } from "./snapshots.ts";

/** What is put at a target: a path of the machine, without links, or a new file system in memory. */
export type Mountable =
  | { readonly kind: "directory" | "file"; readonly path: string; readonly readonly: boolean }
  | { readonly kind: "memory"; readonly size?: number | undefined };

export interface MountSource {
  readonly mount?: Mountable | undefined;
  /** Variables that come with it. */
  readonly env: readonly string[];
  close(): void | Promise<void>;
}

/** Where one mount keeps its files. */
export interface MountSpace {
  readonly memory: string;
  readonly disk: string;
  readonly index: number;
}

/** Makes what a mount shows. Waits for a cache that another RUN has locked. */
export async function openMount(
  mount: RunMount,
  space: MountSpace,
  context: WorkerContext,
  { signal }: Call,
): Promise<MountSource> {
  switch (mount.kind) {
    case "bind":
      return openBind(mount, space, context, signal);
    case "cache": {
      const cache = await openCache(mount, context, signal);
      return {
        mount: { kind: "directory", path: cache.directory, readonly: mount.readonly },
        env: [],
        close: () => cache.close(),
      };
    }
    case "tmpfs":
      return { mount: { kind: "memory", size: mount.size }, env: [], close: nothing };
    case "secret":
      return openSecret(mount, space, context.syscalls);
    case "ssh": {
      const path = `${space.memory}/agent-${space.index}`;
      const server = await serveAgent(mount.agent, path);
      giveFile(path, mount, context.syscalls);
      return { mount: { kind: "file", path, readonly: true }, env: [], close: () => server.close() };
    }
  }
}

/** Writes a file into a directory that nobody else may enter. */
export function writePrivateFile(
  directory: string,
  name: string,
  content: string | Buffer,
  access: Access,
  syscalls: Syscalls,
): string {
  const path = `${directory}/${name}`;
  writeFileSync(path, typeof content === "string" ? encodeUtf8(content) : content, { mode: 0o600, flag: "wx" });
  giveFile(path, access, syscalls);
  return path;
}

function openSecret(mount: SecretMount, { memory, index }: MountSpace, syscalls: Syscalls): MountSource {
  const data = Buffer.from(mount.data, "base64");
  const env = mount.env === undefined ? [] : [`${mount.env}=${data.toString("utf8")}`];
  if (mount.target === undefined) return { env, close: nothing };
  const path = writePrivateFile(memory, `secret-${index}`, data, mount, syscalls);
  return { mount: { kind: "file", path, readonly: true }, env, close: nothing };
}

/** An overlay of the mount's own, so that what is written to it, and mount points in it, go with it. */
async function openBind(
  { chain, source, readonly }: BindMount,
  { disk, index }: MountSpace,
  context: WorkerContext,
  signal: AbortSignal,
): Promise<MountSource> {
  const space = `${disk}/${index}`;
  mkdirSync(space, { mode: 0o700 });
  const lower = layerDirectories(chain, context);
  const root = await context.roots.open({ lower, upper: `${space}/fs`, space }, signal);
  const close = (): Promise<void> => root.discard();
  try {
    const target = root.directory;
    const tree = new DirectoryTree(target);
    const path = resolvePath(tree, fromUtf8(source), { followLast: true });
    const node = tree.lstat(path);
    if (node === undefined) throw notThere(source);
    const kind = node.type === "directory" ? "directory" : "file";
    return { mount: { kind, path: path === "" ? target : `${target}/${toUtf8(path)}`, readonly }, env: [], close };
  } catch (error) {
    await close();
    throw error;
  }
}

function notThere(source: string): AppError {
  return new AppError("RUN_MOUNT_NOT_FOUND", `cannot mount ${JSON.stringify(source)}: not found`, {
    hint: "source=PATH is relative to the root of the stage, image or build context it is from.",
  });
}

function nothing(): void {}

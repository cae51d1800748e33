import { AppError } from "../base/errors.ts";
import { fromUtf8, toUtf8 } from "../layer/entry.ts";
import { makeMountPoints } from "../sandbox/mount-points.ts";
import type { MadeMountPoints, MountPoint } from "../sandbox/mount-points.ts";
import type { SpecMount } from "../sandbox/oci-spec.ts";
import { DirectoryTree } from "../snapshot/dir-tree.ts";
import { parentOf, resolvePath } from "../snapshot/resolve-path.ts";
import type { WritableRoot } from "../snapshot/writable-root.ts";
import type { Syscalls } from "../sys/syscalls.ts";
import type { Mountable } from "./mount-sources.ts";

/** Permissions of a new file system in memory, where there is nothing whose permissions it could have. */
const FRESH = 0o1777;

export interface MountRoot {
  readonly root: Pick<WritableRoot, "directory" | "changes">;
  readonly points: MadeMountPoints[];
}

/**
 * Finds where mounts go, links of the image followed inside it, and makes what is mounted over: by us
 * and never by the runtime, which follows links out of the root (sandbox/mount-points.ts).
 */
export class MountPlaces {
  readonly #root: MountRoot;
  readonly #syscalls: Syscalls;
  /** Directories that are mounted already, by their place; undefined where the runtime alone can reach them. */
  readonly #mounted = new Map<string, string | undefined>(
    ["dev", "proc", "sys"].map((path) => [path, undefined] as const),
  );

  constructor(root: MountRoot, syscalls: Syscalls) {
    this.#root = root;
    this.#syscalls = syscalls;
  }

  /** The mount of `source` at `target`, which is absolute and clean. */
  put(target: string, source: Mountable): SpecMount {
    const inRoot = resolvePath(new DirectoryTree(this.#root.root.directory), fromUtf8(target), { followLast: true });
    const above = [...this.#mounted.keys()]
      .filter((path) => isBelow(inRoot, path))
      .sort((a, b) => b.length - a.length)[0];
    const path = above === undefined ? inRoot : this.#putInside(above, inRoot.slice(above.length + 1), source);
    // What the runtime has mounted there itself, such as /dev/shm, is for everybody.
    const isRuntimes = above !== undefined && this.#mounted.get(above) === undefined;
    const mode = above === undefined ? this.#make(path, source) : isRuntimes ? FRESH : 0o755;
    this.#mounted.set(path, source.kind === "directory" ? source.path : undefined);
    return specOf(`/${toUtf8(path)}`, source, mode);
  }

  /** Makes a mount point in the root; answers the permissions of what was there. */
  #make(path: string, source: Mountable): number {
    if (path === "") throw intoRoot();
    const { root, points } = this.#root;
    const tree = new DirectoryTree(root.directory);
    const mode = tree.lstat(path)?.mode ?? FRESH;
    points.push(makeMountPoints(root, this.#syscalls, pointsFor(tree, path, source)));
    return mode;
  }

  #putInside(above: string, rest: string, source: Mountable): string {
    const directory = this.#mounted.get(above);
    if (directory === undefined || rest === "") return rest === "" ? above : `${above}/${rest}`;
    const tree = new DirectoryTree(directory);
    const inside = resolvePath(tree, rest, { followLast: true });
    makeMountPoints({ directory, changes: directory }, this.#syscalls, pointsFor(tree, inside, source));
    return inside === "" ? above : `${above}/${inside}`;
  }
}

/** The mount point and the directories on the way to it that are missing. */
function pointsFor(tree: DirectoryTree, path: string, source: Mountable): readonly MountPoint[] {
  const type = source.kind === "file" ? "file" : "directory";
  const points: MountPoint[] = [{ path, type }];
  for (let parent = parentOf(path); parent !== ""; parent = parentOf(parent)) {
    const node = tree.lstat(parent);
    if (node !== undefined && node.type !== "directory") throw inTheWay(parent, node.type);
    points.unshift({ path: parent, type: "directory" });
  }
  const there = tree.lstat(path);
  if (there !== undefined && (there.type === "directory") !== (type === "directory")) throw inTheWay(path, there.type);
  return there === undefined ? points : [];
}

function isBelow(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${directory}/`);
}

function specOf(destination: string, source: Mountable, mode: number): SpecMount {
  if (source.kind !== "memory") {
    const options = ["bind", source.readonly ? "ro" : "rw", "nodev"];
    return { destination, type: "none", source: source.path, options };
  }
  const options = ["nosuid", "nodev", `mode=${(mode & 0o7777).toString(8)}`];
  if (source.size !== undefined) options.push(`size=${source.size}`);
  return { destination, type: "tmpfs", source: "tmpfs", options };
}

function inTheWay(path: string, type: string): AppError {
  return new AppError("RUN_MOUNT_TARGET", `cannot mount at or below "/${toUtf8(path)}": a ${type} is there`, {
    hint: "Choose another target=PATH.",
  });
}

function intoRoot(): AppError {
  return new AppError("RUN_MOUNT_TARGET", "cannot mount over the root of a RUN", {
    hint: "Choose another target=PATH.",
  });
}

import type { DeviceEntry, Entry } from "../layer/entry.ts";
import { resolvePath } from "../snapshot/resolve-path.ts";
import type { Tree, TreeNode } from "../snapshot/tree.ts";

/**
 * Devices of an archive that is extracted where devices may not be made: empty files stand for them.
 */
export class StandIns {
  readonly #devices = new Map<string, DeviceEntry>();

  /** What is extracted in place of an entry. Of several with one path the last one counts. */
  replace(entry: Entry): Entry {
    this.#devices.delete(entry.path);
    if (entry.type !== "char" && entry.type !== "block") return entry;
    this.#devices.set(entry.path, entry);
    const { path, mode, uid, gid, mtime, xattrs } = entry;
    const content = { next: () => undefined, close: () => {} };
    return { type: "file", path, mode, uid, gid, mtime, xattrs, size: 0, content };
  }

  /** The tree with the devices in it, under every name that they were linked to. */
  reveal(tree: Tree): Tree {
    if (this.#devices.size === 0) return tree;
    const devices = new Map<string | undefined, DeviceEntry>();
    for (const device of this.#devices.values()) {
      const node = tree.lstat(resolvePath(tree, device.path, { followLast: false }));
      if (node?.type === "file" && node.size === 0) devices.set(node.identity, device);
    }
    const reveal = (node: TreeNode | undefined): TreeNode | undefined => {
      const device = node && devices.get(node.identity);
      return device === undefined ? node : { ...device, size: 0, links: 1 };
    };
    return {
      lstat: (path) => reveal(tree.lstat(path)),
      readdir: (path) => tree.readdir(path),
      open: (path) => tree.open(path),
    };
  }
}

import { lchownSync, lstatSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Artefact } from "./cache.ts";
import { runTool } from "./process.ts";

/** What a CI image has that builds images. */
const PACKAGES = ["ca-certificates", "git", "mount", "proot", "qemu-user-static", "uidmap", "util-linux"];

/** First id of the machine's that stands for root of a user namespace. */
export const SHIFT = 200_000;

/** A Debian root like a CI image's, in `root`; `shifted` belongs to the ids of a user namespace. */
export function ciRoot(owners: "plain" | "shifted"): Artefact {
  return {
    name: owners === "plain" ? "ci-root" : "ci-root-shifted",
    recipe: [...PACKAGES, "bookworm", owners],
    sources: [],
    make: async (directory) => {
      const root = join(directory, "root");
      mkdirSync(root);
      runTool("mmdebstrap", ["--variant=apt", `--include=${PACKAGES.join(",")}`, "bookworm", root]);
      if (owners === "shifted") shiftOwners(root);
    },
  };
}

/** Gives a tree to the ids that stand for its owners in a user namespace. */
function shiftOwners(path: string): void {
  const found = lstatSync(path);
  lchownSync(path, found.uid + SHIFT, found.gid + SHIFT);
  if (!found.isDirectory()) return;
  for (const name of readdirSync(path)) shiftOwners(join(path, name));
}

import { existsSync, linkSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { PackageSource } from "../apt.ts";
import { putLayer } from "../blobs.ts";
import { putImage } from "../image.ts";
import { runTool } from "../process.ts";
import { DEBIAN_PATH } from "./debian.ts";
import { newTree, unpackPlain, writeTree, type FileTable, type Recipe } from "./workshop.ts";

/** `busybox`: Debian's static one, its applets hard links in /bin as in the official image. */
export const busybox: Recipe = async (workshop) => {
  const root = newTree(workshop, "busybox");
  const source = newTree(workshop, "busybox-package");
  await unpackPlain(workshop.packages, source, ["busybox-static"]);
  mkdirSync(join(root, "bin"));
  renameSync(busyboxIn(source), join(root, "bin/busybox"));
  rmSync(source, { recursive: true });
  for (const name of workshop.applets) linkSync(join(root, "bin/busybox"), join(root, "bin", name));
  writeTree(root, FILES);
  const manifest = putImage(workshop.store, {
    platform: workshop.platform,
    layers: [{ layer: await putLayer(workshop.store, root), by: "# busybox-static" }],
    config: { Env: [DEBIAN_PATH], Cmd: ["sh"] },
  });
  return [{ repository: "library/busybox", tags: ["latest", "1", "stable"], manifests: [manifest] }];
};

/** The program, in the unpacked package: in /bin until bookworm, in /usr/bin since. */
export function busyboxIn(source: string): string {
  const path = join(source, "bin/busybox");
  return existsSync(path) ? path : join(source, "usr/bin/busybox");
}

/** Asks the machine's own busybox, unpacked below `scratch`. */
export async function appletNames(packages: PackageSource, scratch: string): Promise<readonly string[]> {
  await unpackPlain(packages, scratch, ["busybox-static"]);
  const listed = runTool(busyboxIn(scratch), ["--list"]).trim().split("\n");
  return listed.filter((name) => name !== "busybox");
}

const FILES: FileTable = {
  "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n",
  "etc/group": "root:x:0:\nnobody:x:65534:\n",
  "etc/shadow": ["root:*:20000:0:99999:7:::\nnobody:*:20000:0:99999:7:::\n", 0o640],
  "home/": "",
  "root/": ["", 0o700],
  "tmp/": ["", 0o1777],
  "var/spool/mail/": "",
};

import { copyFileSync, existsSync, mkdirSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import type { DebianArch } from "../apt.ts";
import { putLayer } from "../blobs.ts";
import { putImage } from "../image.ts";
import { busyboxIn } from "./busybox.ts";
import { DEBIAN_PATH } from "./debian.ts";
import { newTree, unpackPlain, writeTree, type FileTable, type Recipe, type Workshop } from "./workshop.ts";

/**
 * A stand-in for `alpine`: musl's loader where Alpine has it and busybox, both from Debian, no apk. It says
 * so in its label and its os-release. Good for tests of shells, links and libc families; nothing else.
 */
export const alpine: Recipe = async (workshop) => {
  const root = newTree(workshop, "alpine");
  await placeMusl(workshop, root);
  for (const name of workshop.applets) symlinkSync("/bin/busybox", join(root, "bin", name));
  writeTree(root, FILES);
  const manifest = putImage(workshop.store, {
    platform: workshop.platform,
    layers: [{ layer: await putLayer(workshop.store, root), by: "# musl and busybox-static of Debian: a stand-in" }],
    config: {
      Env: [DEBIAN_PATH],
      Cmd: ["/bin/sh"],
      WorkingDir: "/",
      Labels: { "dev.manyarch.test-bed": "stand-in for alpine made of Debian's musl and busybox; has no apk" },
    },
  });
  return [{ repository: "library/alpine", tags: ["latest", "3", "3.22"], manifests: [manifest] }];
};

const MUSL_ARCH: Readonly<Record<DebianArch, string>> = {
  amd64: "x86_64",
  arm64: "aarch64",
  armhf: "armhf",
  s390x: "s390x",
  ppc64el: "powerpc64le",
  riscv64: "riscv64",
};

async function placeMusl(workshop: Workshop, root: string): Promise<void> {
  const source = newTree(workshop, "alpine-packages");
  await unpackPlain(workshop.packages, source, ["musl", "busybox-static"]);
  const arch = MUSL_ARCH[workshop.arch];
  for (const name of ["bin", "lib", "sbin"]) mkdirSync(join(root, name));
  // Debian's loader is a link to libc.so beside it: in /lib until bookworm, in /usr/lib since.
  const loader = `lib/ld-musl-${arch}.so.1`;
  const directory = existsSync(join(source, loader)) ? source : join(source, "usr");
  copyFileSync(join(directory, loader), join(root, loader));
  symlinkSync(`ld-musl-${arch}.so.1`, join(root, `lib/libc.musl-${arch}.so.1`));
  renameSync(busyboxIn(source), join(root, "bin/busybox"));
  rmSync(source, { recursive: true });
}

const FILES: FileTable = {
  "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n",
  "etc/group": "root:x:0:root\nnobody:x:65534:\n",
  "etc/os-release":
    'NAME="Alpine Linux stand-in"\nID=alpine\nVERSION_ID=3.22.0\nPRETTY_NAME="stand-in for Alpine, from Debian packages"\n',
  "etc/alpine-release": "3.22.0\n",
  "root/": ["", 0o700],
  "home/": "",
  "tmp/": ["", 0o1777],
};

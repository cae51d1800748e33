import { closeSync, lstatSync, mkdirSync, openSync, readFileSync, symlinkSync } from "node:fs";
import { errnoOf } from "../../base/errors.ts";
import { fromUtf8 } from "../../layer/entry.ts";
import { mountinfoPath } from "../../sys/mountinfo.ts";
import { CLONE } from "../../sys/process-calls.ts";
import type { ProcessCalls } from "../../sys/process-calls.ts";
import { MOUNT } from "../../sys/syscalls.ts";
import type { Syscalls } from "../../sys/syscalls.ts";
import type { JobMount, NamespaceJob } from "./job.ts";

const QUIET = MOUNT.NOSUID | MOUNT.NODEV | MOUNT.NOEXEC;

const FLAGS: Readonly<Record<string, number>> = {
  ro: MOUNT.RDONLY,
  nosuid: MOUNT.NOSUID,
  nodev: MOUNT.NODEV,
  noexec: MOUNT.NOEXEC,
  bind: MOUNT.BIND,
  rbind: MOUNT.BIND | MOUNT.REC,
};

/** Options that say nothing to mount(2), or what it does anyway. */
const SILENT = new Set(["rw", "exec", "strictatime"]);
const DEVICES = ["null", "zero", "full", "random", "urandom", "tty"] as const;

/**
 * Makes the mounts of a RUN in a mount namespace of its own and makes `root` its root. Mount points have
 * been made before, so that no link of the image is on the way to any of them (mount-points.ts).
 */
export function enterRoot(job: NamespaceJob, syscalls: Syscalls, calls: ProcessCalls): void {
  // Not before: what is mounted for a RUN is mounted after its launcher has started.
  calls.unshare(CLONE.NEWNS);
  syscalls.mount("none", "/", "", MOUNT.REC | MOUNT.PRIVATE);
  if (job.ownNetwork) {
    calls.unshare(CLONE.NEWNET);
    calls.bringUpLoopback();
  }
  calls.setHostname(job.hostname);
  for (const mount of job.mounts) {
    mountOne(job.root, mount, syscalls);
    if (mount.destination === "/dev") fillDev(`${job.root}/dev`, syscalls);
  }
  for (const path of job.readonly) makeReadonly(`${job.root}${path}`, syscalls);
  for (const path of job.masked) mask(`${job.root}${path}`, syscalls);
  calls.pivotRoot(job.root);
}

function mountOne(root: string, { destination, type, source, options }: JobMount, syscalls: Syscalls): void {
  const target = fromUtf8(`${root}${destination}`);
  const flags = options.reduce((sum, option) => sum | (FLAGS[option] ?? 0), 0);
  const data = options.filter((option) => FLAGS[option] === undefined && !SILENT.has(option)).join(",");
  if ((flags & MOUNT.BIND) === 0) {
    makeInside(target, type);
    return mountFresh(source, target, type, flags, data, syscalls);
  }
  makeInside(target, lstatSync(source).isDirectory() ? "directory" : "file");
  syscalls.mount(fromUtf8(source), target, "", flags & (MOUNT.BIND | MOUNT.REC));
  remount(target, flags & ~MOUNT.REC, syscalls);
}

/** A file system that is refused though its directory is there is done without, where a RUN can live without it. */
function mountFresh(
  source: string,
  target: string,
  type: string,
  flags: number,
  data: string,
  syscalls: Syscalls,
): void {
  try {
    syscalls.mount(source, target, type, flags, data);
  } catch (error) {
    // Its network namespace is not ours.
    if (type === "sysfs" && errnoOf(error) === "EPERM") return bindSystem(target, flags, syscalls);
    if (!OPTIONAL.has(type) || !["EPERM", "ENODEV", "EINVAL"].includes(errnoOf(error) ?? "")) throw error;
    // Without the group tty in the map, devpts takes no gid.
    if (type === "devpts") retryDevpts(source, target, flags, data, syscalls);
  }
}

function bindSystem(target: string, flags: number, syscalls: Syscalls): void {
  syscalls.mount("/sys", target, "", MOUNT.BIND | MOUNT.REC);
  remount(target, MOUNT.BIND | flags, syscalls);
}

const OPTIONAL = new Set(["mqueue", "devpts"]);

function retryDevpts(source: string, target: string, flags: number, data: string, syscalls: Syscalls): void {
  const plain = data
    .split(",")
    .filter((option) => !option.startsWith("gid="))
    .join(",");
  try {
    syscalls.mount(source, target, "devpts", flags, plain);
  } catch (error) {
    if (errnoOf(error) !== "EPERM" && errnoOf(error) !== "EINVAL") throw error;
  }
}

/** Directories below the tmpfs of /dev, and mount points in it, are made here: nobody else was in there. */
function makeInside(target: string, type: string): void {
  if (!/\/dev\/[^/]/.test(target) || lstatSync(target, { throwIfNoEntry: false }) !== undefined) return;
  mkdirSync(target.slice(0, target.lastIndexOf("/")), { recursive: true, mode: 0o755 });
  if (type === "file") closeSync(openSync(target, "wx", 0o644));
  else mkdirSync(target, { mode: 0o755 });
}

function fillDev(dev: string, syscalls: Syscalls): void {
  for (const name of DEVICES) {
    closeSync(openSync(`${dev}/${name}`, "wx", 0o666));
    syscalls.mount(`/dev/${name}`, `${dev}/${name}`, "", MOUNT.BIND);
  }
  const links = { fd: "/proc/self/fd", stdin: "/proc/self/fd/0", stdout: "/proc/self/fd/1", stderr: "/proc/self/fd/2" };
  for (const [name, target] of Object.entries({ ...links, core: "/proc/kcore", ptmx: "pts/ptmx" }))
    symlinkSync(target, `${dev}/${name}`);
}

function makeReadonly(path: string, syscalls: Syscalls): void {
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return;
  syscalls.mount(path, path, "", MOUNT.BIND | MOUNT.REC);
  remount(path, MOUNT.BIND | MOUNT.RDONLY | QUIET, syscalls);
}

function mask(path: string, syscalls: Syscalls): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isDirectory()) return syscalls.mount("/dev/null", path, "", MOUNT.BIND);
  syscalls.mount("tmpfs", path, "tmpfs", MOUNT.RDONLY | QUIET, "size=0k,mode=0755");
}

/** What a namespace above has locked must be named again, or the kernel refuses: whatever it is, it stays. */
function remount(target: string, flags: number, syscalls: Syscalls): void {
  const locked = flagsOf(target);
  syscalls.mount("none", target, "", MOUNT.REMOUNT | MOUNT.BIND | flags | locked);
}

/** Flags of the mount at `target`, as the kernel lists it. */
function flagsOf(target: string): number {
  const lines = readFileSync("/proc/self/mountinfo", "latin1").split("\n");
  const line = lines.findLast((one) => mountinfoPath(one.split(" ")[4] ?? "") === target);
  const options = line?.split(" ")[5]?.split(",") ?? [];
  const atime = options.includes("noatime") ? MOUNT.NOATIME : options.includes("relatime") ? MOUNT.RELATIME : 0;
  return options.reduce((sum, option) => sum | (option === "bind" ? 0 : (FLAGS[option] ?? 0)), atime);
}

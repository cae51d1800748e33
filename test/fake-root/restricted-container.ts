import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { isMachineKnown } from "../../src/sys/trace/machines/own-machine.ts";
import { DOCKER_PROFILE, seccompOf } from "../bed/docker-seccomp.ts";
import { CHECKOUT } from "../bed/user.ts";
import { findProgram } from "../bed/process.ts";

/** As Kubernetes' policy "restricted" has it. */
export const RESTRICTED_UID = 1000;

/** Why such containers cannot be made here. */
export function missingForContainers(): string | undefined {
  if (process.getuid?.() !== 0) return "only root may make containers";
  if (!isMachineKnown()) return "the tracer is not for this processor";
  if (findProgram("runc") === undefined) return "runc is not installed";
  return existsSync(DOCKER_PROFILE) ? undefined : "../shared/conformance is not there";
}

export interface ContainerResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a command as uid 1000 without capabilities, with no_new_privs and Docker's default seccomp profile, in a
 * container that sees the machine's programs and this checkout, read-only, and `directory`.
 */
export function runRestricted(directory: string, argv: readonly string[], seccomp = true): ContainerResult {
  const bundle = `${directory}/bundle-${Math.random().toString(36).slice(2)}`;
  mkdirSync(`${bundle}/root`, { recursive: true });
  writeFileSync(`${bundle}/config.json`, JSON.stringify(configOf(directory, argv, seccomp)));
  const id = `manyarch-test-${process.pid}-${Date.now()}`;
  const done = spawnSync("runc", ["run", "--bundle", bundle, id], { encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
  return { code: done.status, stdout: done.stdout, stderr: done.stderr };
}

function configOf(directory: string, argv: readonly string[], seccomp: boolean): object {
  const bind = (path: string, mode: "ro" | "rw"): object => ({
    destination: path,
    type: "bind",
    source: path,
    options: ["rbind", mode],
  });
  const system = ["/usr", "/bin", "/lib", "/lib64", "/sbin", "/etc"].filter((path) => existsSync(path));
  const none = { bounding: [], permitted: [], effective: [], inheritable: [], ambient: [] };
  return {
    ociVersion: "1.0.2",
    process: {
      args: argv,
      cwd: directory,
      env: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "CANARY=of-the-builder"],
      user: { uid: RESTRICTED_UID, gid: RESTRICTED_UID },
      capabilities: none,
      noNewPrivileges: true,
    },
    root: { path: "root" },
    mounts: [
      { destination: "/proc", type: "proc", source: "proc" },
      { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "mode=755"] },
      { destination: "/dev/pts", type: "devpts", source: "devpts", options: ["newinstance", "ptmxmode=0666"] },
      { destination: "/sys", type: "none", source: "/sys", options: ["rbind", "ro"] },
      { destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["mode=1777"] },
      ...system.map((path) => bind(path, "ro")),
      bind(CHECKOUT.slice(0, -1), "ro"),
      bind(directory, "rw"),
    ],
    linux: {
      namespaces: [{ type: "pid" }, { type: "mount" }, { type: "ipc" }],
      maskedPaths: ["/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/scsi", "/sys/firmware"],
      readonlyPaths: ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
      ...(seccomp && { seccomp: seccompOf([]) }),
    },
  };
}

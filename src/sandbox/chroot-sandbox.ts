import { readFileSync, statSync } from "node:fs";
import type { Syscalls } from "../sys/syscalls.ts";
import { RUN_CAPABILITIES } from "./capabilities.ts";
import { capabilityNumbers, permittedIn } from "./capability-numbers.ts";
import type { LaunchJob } from "./launch/job.ts";
import type { Prepared } from "./launched-run.ts";
import type { LaunchedRuns } from "./launched-run.ts";
import { HOST_CA_PATH } from "./mounts.ts";
import type { SpecMount } from "./oci-spec.ts";
import { PlacedFiles } from "./placed-files.ts";
import { runVariables, writeRunFiles } from "./run-files.ts";
import { rungNamed } from "./rung.ts";
import { machineArchitecture } from "./sandbox.ts";
import type { Sandbox, SandboxRun } from "./sandbox.ts";
import { mayFilter, runFilter } from "./seccomp/run-filter.ts";

/**
 * The rung `chroot`: nothing is mounted and no namespace made. What mounts would show is put into the root
 * for the time of the RUN, which runs with one capability less than we have, so that the kernel closes our
 * `/proc/PID` to it; it is the one that would let it out of its root.
 */
export function chrootSandbox(runs: LaunchedRuns, syscalls: Syscalls): Sandbox {
  const status = readFileSync("/proc/self/status", "latin1");
  const names = RUN_CAPABILITIES.filter((name) => name !== "CAP_SYS_CHROOT");
  const capabilities = capabilityNumbers(names, permittedIn(status));
  const filter = runFilter(machineArchitecture(), names);
  return {
    rung: rungNamed("chroot"),
    runtime: null,
    serves: ({ emulator, network, insecure }) => emulator === undefined && network === "host" && insecure === undefined,
    run: (request, options) => {
      const privileges = { capabilities, filter: mayFilter(status) ? filter() : undefined };
      return runs.run(request, options, (directory) => prepare(request, directory, privileges, syscalls));
    },
  };
}

function prepare(
  request: SandboxRun,
  directory: string,
  privileges: Pick<LaunchJob, "capabilities" | "filter">,
  syscalls: Syscalls,
): Prepared {
  // A Go cache is shared by RUNs at the same time, which only mounts allow.
  const files = writeRunFiles({ ...request, goCache: undefined }, directory);
  const placed = new PlacedFiles(request.rootDirectory, syscalls);
  try {
    placeSystem(placed);
    placed.file("etc/resolv.conf", files.resolvConf);
    placed.file("etc/hosts", files.hosts);
    if (files.ca !== undefined) placed.file(HOST_CA_PATH.slice(1), files.ca);
    for (const mount of request.mounts ?? []) placeMount(placed, mount);
    placed.settle();
  } catch (error) {
    placed.undo();
    throw error;
  }
  const { argv, cwd, uid, gid, groups, rootDirectory } = request;
  const job = {
    chroot: rootDirectory,
    ...privileges,
    user: { uid, gid, groups },
    noNewPrivileges: false,
    cwd,
    argv,
    env: runVariables(request, files),
  };
  return { job, undo: () => placed.undo() };
}

const DEVICES = [
  ["null", 1, 3],
  ["zero", 1, 5],
  ["full", 1, 7],
  ["random", 1, 8],
  ["urandom", 1, 9],
  ["tty", 5, 0],
] as const;

function placeSystem(placed: PlacedFiles): void {
  for (const path of ["proc", "sys", "dev"]) placed.directory(path, 0o755);
  for (const [name, major, minor] of DEVICES) placed.device(`dev/${name}`, major, minor);
  placed.directory("dev/shm", 0o1777);
}

function placeMount(placed: PlacedFiles, { destination, type, source, options }: SpecMount): void {
  const path = destination.slice(1);
  if (type === "tmpfs") {
    const mode = options.find((option) => option.startsWith("mode="))?.slice("mode=".length) ?? "755";
    return placed.directory(path, Number.parseInt(mode, 8));
  }
  if (statSync(source).isDirectory()) placed.moved(path, source);
  else placed.file(path, source);
}

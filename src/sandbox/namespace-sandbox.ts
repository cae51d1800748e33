import { readFileSync } from "node:fs";
import { RUN_CAPABILITIES } from "./capabilities.ts";
import { capabilityNumbers, permittedIn, runCapabilities } from "./capability-numbers.ts";
import type { JobMount, LaunchJob } from "./launch/job.ts";
import type { LaunchedRuns, Prepared } from "./launched-run.ts";
import { runVariables, writeRunFiles } from "./run-files.ts";
import { rungNamed } from "./rung.ts";
import { machineArchitecture } from "./sandbox.ts";
import type { Sandbox, SandboxRun } from "./sandbox.ts";
import { mayFilter, runFilter } from "./seccomp/run-filter.ts";
import { runSpec } from "./spec.ts";

export interface NamespaceOptions {
  readonly userNamespace: boolean;
  /** Whether a /proc of its own may be mounted; else the one that is there is bound. */
  readonly freshProc: boolean;
}

/** The rung `namespace`: what an OCI runtime would make of the same specification, made by a launcher. */
export function namespaceSandbox(runs: LaunchedRuns, options: NamespaceOptions): Sandbox {
  const status = readFileSync("/proc/self/status", "latin1");
  const held = permittedIn(status);
  const filter = runFilter(machineArchitecture(), RUN_CAPABILITIES);
  return {
    rung: rungNamed("namespace"),
    runtime: null,
    serves: ({ emulator }) => emulator?.kind !== "proot",
    run: (request, run) => {
      const privileges =
        request.insecure === undefined
          ? { capabilities: runCapabilities(held), filter: mayFilter(status) ? filter() : undefined }
          : { capabilities: capabilityNumbers(request.insecure, held), filter: undefined };
      return runs.run(request, run, (directory) => prepare(request, directory, privileges, options));
    },
  };
}

function prepare(
  request: SandboxRun,
  directory: string,
  privileges: Pick<LaunchJob, "capabilities" | "filter">,
  { userNamespace, freshProc }: NamespaceOptions,
): Prepared {
  const files = writeRunFiles(request, directory);
  const { rootDirectory, mounts = [] } = request;
  const spec = runSpec(
    { ...request, env: runVariables(request, files) },
    { rootDirectory, files, userNamespace, architecture: machineArchitecture(), mounts },
  );
  const { uid, gid, groups, network } = request;
  const job = {
    mounts: {
      root: rootDirectory,
      hostname: spec.hostname,
      ownNetwork: network === "none",
      mounts: freshProc ? spec.mounts : spec.mounts.map(boundProc),
      masked: spec.linux.maskedPaths,
      readonly: spec.linux.readonlyPaths,
    },
    ...privileges,
    user: { uid, gid, groups },
    noNewPrivileges: false,
    cwd: spec.process.cwd,
    argv: spec.process.args,
    env: spec.process.env,
  };
  return { job, undo: () => {} };
}

function boundProc(mount: JobMount): JobMount {
  if (mount.type !== "proc") return mount;
  return { ...mount, type: "none", source: "/proc", options: ["rbind", "nosuid", "noexec", "nodev"] };
}

import { mkdirSync, rmSync } from "node:fs";
import { AppError } from "../base/errors.ts";
import type { Syscalls } from "../sys/syscalls.ts";
import { isMachineKnown } from "../sys/trace/machines/own-machine.ts";
import { RUN_CAPABILITIES } from "./capabilities.ts";
import { runInFakeRoot } from "./fake-root/fake-root.ts";
import { oomKills } from "./memory-pressure.ts";
import { runMounts } from "./mounts.ts";
import { guestMounts } from "./proot/guest-mounts.ts";
import { circumstancesOf, runFailure } from "./run-failure.ts";
import { runVariables, writeRunFiles } from "./run-files.ts";
import { rungNamed } from "./rung.ts";
import { machineArchitecture } from "./sandbox.ts";
import type { RunOptions, Sandbox, SandboxRun } from "./sandbox.ts";
import { runFilter } from "./seccomp/run-filter.ts";

export interface ProotOptions {
  readonly scratch: string;
  /** Of a place that keeps metadata in attributes: a traced program's are kept so. */
  readonly syscalls: Syscalls;
}

/**
 * The rung `proot`: a tracer of ours stops every system call with a path, an owner or an id in it, so that a
 * process without any right sees a root of its own, in which it is root (fake-root/fake-root.ts).
 */
export function prootSandbox(options: ProotOptions): Sandbox {
  const filter = runFilter(machineArchitecture(), RUN_CAPABILITIES);
  let count = 0;
  return {
    rung: rungNamed("proot"),
    runtime: null,
    serves: ({ network, insecure }) => network === "host" && insecure === undefined,
    run: async (request, run) => {
      if (!isMachineKnown()) throw noTracer();
      const directory = `${options.scratch}/traced${count++}`;
      mkdirSync(directory, { mode: 0o700 });
      try {
        await runIn(directory, request, { ...options, filter: filter() }, run);
      } finally {
        rmSync(directory, { recursive: true, force: true });
      }
    },
  };
}

async function runIn(
  directory: string,
  request: SandboxRun,
  { syscalls, filter }: ProotOptions & { readonly filter: string | undefined },
  run: RunOptions,
): Promise<void> {
  if ((request.ulimits ?? []).length > 0) throw noLimits();
  const files = writeRunFiles(request, directory);
  const { argv, cwd, uid, gid, groups, rootDirectory, shmSize, emulator, cgroups, mounts = [] } = request;
  const before = oomKills();
  const guest = {
    root: rootDirectory,
    bindings: guestMounts([...runMounts(files, true, shmSize), ...mounts], directory),
    emulators: emulator === undefined ? {} : { [emulator.qemu.architecture]: emulator.qemu.path },
  };
  const end = await runInFakeRoot(
    { argv, env: runVariables(request, files), cwd, uid, gid, groups, cgroups, filter, guest },
    { scratch: directory, syscalls, ...run },
  );
  const failure = runFailure(end, circumstancesOf(request, before));
  if (failure !== undefined) throw failure;
}

function noLimits(): AppError {
  return new AppError("SANDBOX_UNAVAILABLE", "RUN cannot be given limits by --ulimit on the rung proot", {
    hint: "Leave out --ulimit, or set the limits for manyarch itself with ulimit.",
  });
}

function noTracer(): AppError {
  return new AppError("SANDBOX_UNAVAILABLE", `RUN cannot be traced on ${process.arch}: expected x64 or arm64`, {
    hint: "Build where user namespaces are allowed: docker run --security-opt seccomp=unconfined.",
  });
}

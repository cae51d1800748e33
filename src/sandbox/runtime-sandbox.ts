import { mkdirSync, rmSync } from "node:fs";
import type { Syscalls } from "../sys/syscalls.ts";
import { RUN_CAPABILITIES } from "./capabilities.ts";
import { runContainer } from "./container.ts";
import type { ContainerEnd } from "./container.ts";
import type { RuntimeSpec } from "./oci-spec.ts";
import { oomKills } from "./memory-pressure.ts";
import { circumstancesOf, isOfCommand, runFailure } from "./run-failure.ts";
import { runVariables, writeRunFiles } from "./run-files.ts";
import { rungNamed } from "./rung.ts";
import { RuntimeChoice, findRuntimes } from "./runtime.ts";
import { machineArchitecture } from "./sandbox.ts";
import type { Sandbox, SandboxRun } from "./sandbox.ts";
import { runFilter } from "./seccomp/run-filter.ts";
import { runSpec } from "./spec.ts";

export interface RuntimeSandboxOptions {
  /** A directory of the worker's own in memory. */
  readonly scratch: string;
  /** Whether we are root in a user namespace only. */
  readonly userNamespace: boolean;
  /** Where runtimes are looked for, as PATH. */
  readonly path: string;
  readonly syscalls: Syscalls;
}

/** The rung `runtime`: crun or runc. */
export function runtimeSandbox(options: RuntimeSandboxOptions): Sandbox {
  const choice = new RuntimeChoice(findRuntimes(options.path));
  const filter = runFilter(machineArchitecture(), RUN_CAPABILITIES);
  const stateDirectory = `${options.scratch}/runtime`;
  mkdirSync(stateDirectory, { mode: 0o700 });
  let count = 0;
  return {
    rung: rungNamed("runtime"),
    get runtime(): string | null {
      return choice.name;
    },
    run: async (request, { onOutput, signal }) => {
      choice.current();
      const id = `run${count++}`;
      const bundle = `${options.scratch}/${id}`;
      mkdirSync(bundle, { mode: 0o700 });
      try {
        const before = oomKills();
        const spec = withFilter(specOf(request, bundle, options), filter());
        const { cgroups } = request;
        const container = { id, bundle, stateDirectory, syscalls: options.syscalls, cgroups, onOutput, signal };
        const end = await runWith(choice, (runtime) => runContainer(runtime, spec, container));
        const failure = runFailure(end, circumstancesOf(request, before));
        if (failure !== undefined) throw failure;
      } finally {
        rmSync(bundle, { recursive: true, force: true });
      }
    },
  };
}

async function runWith(
  choice: RuntimeChoice,
  run: (runtime: ReturnType<RuntimeChoice["current"]>) => Promise<ContainerEnd>,
): Promise<ContainerEnd> {
  for (;;) {
    const runtime = choice.current();
    const end = await run(runtime);
    if (end.complaint === undefined || end.hadStdout || isOfCommand(end.complaint)) {
      choice.succeeded();
      return end;
    }
    if (!choice.failed(runtime)) return end;
  }
}

/**
 * With the filter in compiled form, which crun takes from an annotation: libseccomp needs 8 ms for it, two thirds of
 * what a container takes. Other runtimes, and a crun that knows no such annotation, compile the specification's.
 */
function withFilter(spec: RuntimeSpec, filter: string | undefined): RuntimeSpec {
  if (filter === undefined || spec.linux.seccomp === undefined) return spec;
  return { ...spec, annotations: { "run.oci.seccomp_bpf_data": filter } };
}

function specOf(request: SandboxRun, bundle: string, options: RuntimeSandboxOptions): RuntimeSpec {
  const files = writeRunFiles(request, bundle);
  return runSpec(
    { ...request, env: runVariables(request, files) },
    {
      rootDirectory: request.rootDirectory,
      files,
      userNamespace: options.userNamespace,
      architecture: machineArchitecture(),
      mounts: request.mounts ?? [],
    },
  );
}

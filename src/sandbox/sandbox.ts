import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { arch } from "node:process";
import { AppError } from "../base/errors.ts";
import { readTreeFile } from "../snapshot/read-tree-file.ts";
import type { Tree } from "../snapshot/tree.ts";
import type { Syscalls } from "../sys/syscalls.ts";
import type { Emulator } from "./emulation/types.ts";
import { CompiledFilter } from "./compiled-filter.ts";
import { runContainer } from "./container.ts";
import type { ContainerEnd } from "./container.ts";
import { GO_CACHE_PATH } from "./go-cache.ts";
import { SYSTEM_BUNDLES, caVariables, mergeBundles } from "./host-ca.ts";
import { oomKills } from "./memory-pressure.ts";
import { HOST_CA_PATH } from "./mounts.ts";
import type { BoundFiles } from "./mounts.ts";
import { hostsText, resolvConfText } from "./name-files.ts";
import type { OnOutput } from "./output.ts";
import { isOfCommand, runFailure } from "./run-failure.ts";
import type { RunCircumstances } from "./run-failure.ts";
import { RUNTIME_RUNG } from "./rung.ts";
import type { Rung } from "./rung.ts";
import { RuntimeChoice, findRuntimes } from "./runtime.ts";
import type { SpecMount } from "./oci-spec.ts";
import { runSpec } from "./spec.ts";
import type { RunProcess } from "./spec.ts";

export interface SandboxRun extends RunProcess {
  /** The mounted root file system, with its mount points made (mount-points.ts). */
  readonly rootDirectory: string;
  /** The same, for reading. */
  readonly tree: Tree;
  /** Of the step, for messages. */
  readonly platform: string;
  /** Put over the root after those of every RUN; their targets are there and no links lead to them. */
  readonly mounts?: readonly SpecMount[] | undefined;
  /** Lines of /etc/hosts before those of the machine. */
  readonly hosts?: readonly { readonly name: string; readonly address: string }[] | undefined;
  /** A CA bundle of the machine's that is to be trusted by this run only. */
  readonly hostCa?: string | undefined;
  /** A directory that keeps Go's build cache, writable by the user of the run. */
  readonly goCache?: string | undefined;
  /** What its binaries run with. One of kind `own` is registered by now: it needs nothing of the sandbox. */
  readonly emulator?: Emulator | undefined;
}

/** Where RUNs execute: one rung of the ladder. */
export interface Sandbox {
  readonly rung: Rung;
  /** The program that makes containers, or null where there is none and every run will fail. */
  readonly runtime: string | null;
  /**
   * Runs a command to its end, and everything that it started. Throws `RUN_FAILED` (a {@link RunFailure})
   * where it fails, `SANDBOX_UNAVAILABLE` or `SANDBOX_FAILED` where it cannot begin, and the signal's reason.
   */
  run(request: SandboxRun, options: { readonly onOutput: OnOutput; readonly signal: AbortSignal }): Promise<void>;
}

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
  const filter = new CompiledFilter();
  const stateDirectory = `${options.scratch}/runtime`;
  mkdirSync(stateDirectory, { mode: 0o700 });
  let count = 0;
  return {
    rung: RUNTIME_RUNG,
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
        const spec = specOf(request, bundle, options);
        const end = await runWith(choice, (runtime) => {
          const learn = (): boolean => filter.learn(spec, runtime, `${stateDirectory}/${id}`);
          const whileRunning = filter.wants(spec, runtime) ? learn : undefined;
          const container = { id, bundle, stateDirectory, syscalls: options.syscalls, onOutput, signal, whileRunning };
          return runContainer(runtime, filter.applyTo(spec, runtime), container);
        });
        const failure = runFailure(end, circumstances(request, before));
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

function specOf(request: SandboxRun, bundle: string, options: RuntimeSandboxOptions): ReturnType<typeof runSpec> {
  const files = writeFiles(request, bundle);
  const ca = files.ca === undefined ? [] : caVariables(request.env, HOST_CA_PATH);
  const goCache = files.goCache === undefined ? [] : [`GOCACHE=${GO_CACHE_PATH}`];
  const env = [...request.env, ...ca, ...goCache];
  return runSpec(
    { ...request, env },
    {
      rootDirectory: request.rootDirectory,
      files,
      userNamespace: options.userNamespace,
      architecture: machineArchitecture(),
      mounts: request.mounts ?? [],
    },
  );
}

/** Copies, so that nothing of the machine's own can be reached or changed through them. */
function writeFiles({ network, hosts: added, hostCa, goCache, tree }: SandboxRun, bundle: string): BoundFiles {
  const write = (name: string, text: string): string => {
    const path = `${bundle}/${name}`;
    writeFileSync(path, text, { mode: 0o644 });
    return path;
  };
  const resolvConf = write("resolv.conf", resolvConfText());
  const hosts = write("hosts", hostsText(network, added));
  if (hostCa === undefined) return { resolvConf, hosts, goCache };
  return {
    resolvConf,
    hosts,
    goCache,
    ca: write("ca.pem", mergeBundles(imageBundle(tree), readFileSync(hostCa, "latin1"))),
  };
}

const MAX_BUNDLE = 16 * 1024 * 1024;

function imageBundle(tree: Tree): string | undefined {
  for (const path of SYSTEM_BUNDLES) {
    const bytes = readBundle(tree, path.slice(1));
    if (bytes !== undefined) return bytes.toString("latin1");
  }
  return undefined;
}

/** What is no file of a sensible size is no bundle either; the image may have its reasons. */
function readBundle(tree: Tree, path: string): Buffer | undefined {
  try {
    return readTreeFile(tree, path, MAX_BUNDLE);
  } catch (error) {
    if (error instanceof AppError) return undefined;
    throw error;
  }
}

function circumstances({ argv, platform }: SandboxRun, oomKillsBefore: number): RunCircumstances {
  return { argv, platform, oomKills: oomKills() - oomKillsBefore };
}

/** Of this machine's kernel, as images name it. */
function machineArchitecture(): string {
  const names: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386", ppc64: "ppc64le" };
  return names[arch] ?? arch;
}

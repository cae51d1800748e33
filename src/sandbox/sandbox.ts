import { arch } from "node:process";
import type { Tree } from "../snapshot/tree.ts";
import type { Emulator } from "./emulation/types.ts";
import type { HostEntry } from "./name-files.ts";
import type { OnOutput } from "./output.ts";
import type { Rung } from "./rung.ts";
import type { SpecMount } from "./oci-spec.ts";
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
  readonly hosts?: readonly HostEntry[] | undefined;
  /** A CA bundle of the machine's that is to be trusted by this run only. */
  readonly hostCa?: string | undefined;
  /** A directory that keeps Go's build cache, writable by the user of the run. */
  readonly goCache?: string | undefined;
  /** What its binaries run with. One of kind `own` is registered by now: it needs nothing of the sandbox. */
  readonly emulator?: Emulator | undefined;
  /** What its first process enters cgroups by: it writes `0` there, before anything else (limited-sandbox.ts). */
  readonly cgroups?: readonly string[] | undefined;
}

/** Where RUNs execute: one rung of the ladder. */
export interface Sandbox {
  readonly rung: Rung;
  /** The program that makes containers, or null where there is none and every run will fail. */
  readonly runtime: string | null;
  /** Whether it can execute this one. Default: all. */
  readonly serves?: ((request: SandboxRun) => boolean) | undefined;
  /**
   * Runs a command to its end, and everything that it started. Throws `RUN_FAILED` (a {@link RunFailure})
   * where it fails, `SANDBOX_UNAVAILABLE` or `SANDBOX_FAILED` where it cannot begin, and the signal's reason.
   */
  run(request: SandboxRun, options: RunOptions): Promise<void>;
}

export interface RunOptions {
  readonly onOutput: OnOutput;
  readonly signal: AbortSignal;
}

/** Of this machine's kernel, as images name it. */
export function machineArchitecture(): string {
  const names: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386", ppc64: "ppc64le" };
  return names[arch] ?? arch;
}

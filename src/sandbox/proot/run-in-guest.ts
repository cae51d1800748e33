import { mkdirSync } from "node:fs";
import type { ContainerEnd } from "../container.ts";
import { runInFakeRoot } from "../fake-root/fake-root.ts";
import type { FakeRootOptions } from "../fake-root/fake-root.ts";
import type { SpecMount } from "../oci-spec.ts";
import { guestMounts } from "./guest-mounts.ts";

/** A RUN with everything resolved, and its root file system. */
export interface GuestRun {
  readonly rootDirectory: string;
  readonly argv: readonly string[];
  /** `NAME=value`. */
  readonly env: readonly string[];
  readonly cwd: string;
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  /** As of a container: its own (`runMounts`), then those of the instruction. */
  readonly mounts: readonly SpecMount[];
  /** Statically linked QEMUs by the architecture that they run, as images name it. */
  readonly emulators: Readonly<Record<string, string>>;
}

/**
 * The rung `proot` without the program: a RUN in a root that only our tracer knows of, as whomever it asks
 * to be. It needs no privilege and gets no isolation from the kernel: what keeps it in its root is that we
 * change the paths of its calls. It has the machine's network and clock; of processes it reaches its own.
 * See {@link runInFakeRoot} for its end.
 */
export async function runInGuest(run: GuestRun, options: FakeRootOptions): Promise<ContainerEnd> {
  const { rootDirectory: root, mounts, emulators, argv, env, cwd, uid, gid, groups } = run;
  const scratch = `${options.scratch}/guest`;
  mkdirSync(scratch, { mode: 0o700 });
  const guest = { root, bindings: guestMounts(mounts, scratch), emulators };
  return runInFakeRoot({ argv, env, cwd, uid, gid, groups, guest }, options);
}

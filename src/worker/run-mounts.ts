import { mkdirSync } from "node:fs";
import { fromUtf8 } from "../layer/entry.ts";
import { SCRIPT_DIRECTORY } from "../sandbox/mounts.ts";
import type { MadeMountPoints } from "../sandbox/mount-points.ts";
import type { SpecMount } from "../sandbox/oci-spec.ts";
import type { WritableRoot } from "../snapshot/writable-root.ts";
import { removeTree } from "../sys/remove-tree.ts";
import type { Call, WorkerContext } from "./context.ts";
import { MountPlaces } from "./mount-places.ts";
import { openMount, writePrivateFile } from "./mount-sources.ts";
import type { MountSource } from "./mount-sources.ts";
import type { RunMount, RunRequest } from "./protocol.ts";

const ROOTS_PROGRAM = { mode: 0o755, uid: 0, gid: 0 } as const;

/** The --mounts of a RUN, ready for the sandbox. */
export interface RunMounts {
  readonly mounts: readonly SpecMount[];
  /** Variables of secrets and agents. */
  readonly env: readonly string[];
}

export interface RunPlace {
  /** The root file system of the RUN. */
  readonly root: WritableRoot;
  /** What was made to be mounted over; what is made here is added. */
  readonly points: MadeMountPoints[];
  /** Directories to be made and removed here: in memory, and on the store's file system. */
  readonly space: { readonly memory: string; readonly disk: string };
}

/** Makes the mounts of a RUN for as long as `body` takes. Targets below others come after them. */
export async function withMounts(
  { mounts = [], script, env: given }: RunRequest,
  place: RunPlace,
  context: WorkerContext,
  call: Call,
  body: (mounts: RunMounts) => Promise<void>,
): Promise<void> {
  if (mounts.length === 0 && script === undefined) return body({ mounts: [], env: [] });
  const { memory, disk } = place.space;
  mkdirSync(memory, { mode: 0o700 });
  mkdirSync(disk, { mode: 0o700 });
  const opened: MountSource[] = [];
  try {
    const places = new MountPlaces(place, context.syscalls);
    const specs: SpecMount[] = [];
    const agent = mounts.find(({ kind }) => kind === "ssh");
    const env = agent === undefined || given.some(isAgentVariable) ? [] : [`SSH_AUTH_SOCK=${agent.target}`];
    for (const [index, mount] of byDepth(mounts).entries()) {
      const source = await openMount(mount, { ...place.space, index }, context, call);
      opened.push(source);
      env.push(...source.env);
      if (mount.target !== undefined && source.mount !== undefined) specs.push(places.put(mount.target, source.mount));
    }
    if (script !== undefined) {
      const path = writePrivateFile(memory, "script", script.content, ROOTS_PROGRAM, context.syscalls);
      const destination = `${SCRIPT_DIRECTORY}/${script.name}`;
      specs.push({ destination, type: "none", source: path, options: ["bind", "ro", "nosuid", "nodev", "exec"] });
    }
    await body({ mounts: specs, env });
  } finally {
    for (const source of opened.toReversed()) await source.close();
    removeTree(fromUtf8(memory));
    removeTree(fromUtf8(disk));
  }
}

function byDepth(mounts: readonly RunMount[]): readonly RunMount[] {
  const depth = ({ target = "" }: RunMount): number => target.split("/").length;
  return mounts.toSorted((a, b) => depth(a) - depth(b));
}

function isAgentVariable(variable: string): boolean {
  return variable.startsWith("SSH_AUTH_SOCK=");
}

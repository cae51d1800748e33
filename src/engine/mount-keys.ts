import { literalPattern } from "../snapshot/glob.ts";
import type { CopySelection } from "../worker/protocol.ts";
import type { KeyField } from "./keys.ts";
import type { StepId, StepMount } from "./types.ts";

/** What a mount's part of a key is made of. */
export interface MountInputs {
  /** Names a step, as the keys of those do that stand on it. */
  generation(id: StepId): Promise<string>;
  /** Digest of what is selected of it. */
  content(from: StepId, selection: CopySelection): Promise<string>;
}

/**
 * What a RUN depends on by its mounts: files by their content, or by their step where all of them
 * are mounted. Of a secret or an agent only where it is to be found, and of a cache its id alone where one
 * was chosen, as in BuildKit.
 */
export async function mountFields(mounts: readonly StepMount[], inputs: MountInputs): Promise<readonly KeyField[]> {
  if (mounts.length === 0) return [];
  const fields = await Promise.all(mounts.map((mount) => describe(mount, inputs)));
  return [["mounts", fields.map((field) => JSON.stringify(field))]];
}

/** What a mount of `source` shows, as the selection that its part of a key is made of. */
export function mountedFiles(source: string): CopySelection {
  return { paths: [literalPattern(source.slice(1))], withItself: true };
}

async function describe(mount: StepMount, inputs: MountInputs): Promise<unknown> {
  switch (mount.kind) {
    case "bind": {
      const { from, source, ...rest } = mount;
      if (source === "/") return [rest, await inputs.generation(from)];
      return [rest, source, await inputs.content(from, mountedFiles(source))];
    }
    case "cache": {
      const { from, id, named, ...rest } = mount;
      return [rest, named ? id : "", from === undefined ? "" : await inputs.generation(from)];
    }
    case "tmpfs":
    case "secret":
    case "ssh":
      return mount;
  }
}

import { AppError } from "../base/errors.ts";
import type { Chain, RunMount } from "../worker/protocol.ts";
import { stepKey } from "./keys.ts";
import type { StepId, StepMount } from "./types.ts";

/** What a user gave the build for its RUNs alone: in no key, record, event or layer. */
export interface PrivateInputs {
  /** The secret of `--secret id=…`; undefined where none has the id. Throws `SECRET_UNREADABLE`. */
  secret(id: string): Uint8Array | undefined;
  /** The socket of the agent of `--ssh ID`. */
  agent(id: string): string | undefined;
}

/** The extracted chains that mounts show, with what names their content. */
export type MountChains = ReadonlyMap<StepId, { readonly chain: Chain; readonly identity: string }>;

/** Extracts what mounts show, before the RUN takes its place among those that execute. */
export async function mountChains(
  mounts: readonly StepMount[],
  results: { snapshot(id: StepId): Promise<Chain>; identity(id: StepId): Promise<string> },
): Promise<MountChains> {
  const chains = new Map<StepId, { readonly chain: Chain; readonly identity: string }>();
  for (const mount of mounts) {
    if (!("from" in mount) || mount.from === undefined) continue;
    const identity = await results.identity(mount.from);
    chains.set(mount.from, { chain: await results.snapshot(mount.from), identity });
  }
  return chains;
}

/** The mounts of a RUN as the worker makes them. Throws `SECRET_MISSING` and `SSH_MISSING` where one is required. */
export function prepareMounts(
  mounts: readonly StepMount[],
  chains: MountChains,
  inputs: PrivateInputs,
): readonly RunMount[] {
  return mounts.flatMap((mount) => prepare(mount, chains, inputs) ?? []);
}

function prepare(mount: StepMount, chains: MountChains, inputs: PrivateInputs): RunMount | undefined {
  switch (mount.kind) {
    case "bind": {
      const { from, ...rest } = mount;
      return { ...rest, chain: chains.get(from)?.chain ?? [] };
    }
    case "cache":
      return cacheMount(mount, chains);
    case "tmpfs":
      return mount;
    case "secret": {
      const { id, required, ...rest } = mount;
      const data = inputs.secret(id);
      if (data !== undefined) return { ...rest, data: Buffer.from(data).toString("base64") };
      if (required) throw missing("SECRET_MISSING", `secret ${id}`, `--secret id=${id},src=FILE or id=${id},env=NAME`);
      // BuildKit sets the variable nevertheless.
      return rest.env === undefined ? undefined : { ...rest, target: undefined, data: "" };
    }
    case "ssh": {
      const { id, required, ...rest } = mount;
      const agent = inputs.agent(id);
      if (agent !== undefined) return { ...rest, agent };
      if (required)
        throw missing("SSH_MISSING", `SSH agent ${id}`, `--ssh ${id} with SSH_AUTH_SOCK set, or --ssh ${id}=SOCKET`);
      return undefined;
    }
  }
}

/** Directories that begin differently or belong to others are different ones, whatever their id. */
function cacheMount(mount: StepMount & { readonly kind: "cache" }, chains: MountChains): RunMount {
  const { id, named: _named, from, source, ...rest } = mount;
  const base = from === undefined ? undefined : chains.get(from);
  const name = stepKey("cache mount", [
    ["id", id],
    ["from", base === undefined ? "" : [base.identity, source]],
    ["owner", [String(mount.uid), String(mount.gid), mount.mode.toString(8)]],
  ]);
  return { ...rest, name, from: base && { chain: base.chain, source } };
}

function missing(code: string, what: string, flag: string): AppError {
  return new AppError(code, `${what} is required by RUN --mount and was not given`, { hint: `Build with ${flag}.` });
}

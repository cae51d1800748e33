import type { ProcessContext } from "../../base/context.ts";
import type { OnTransfer } from "../../base/transfer.ts";
import { stepKey } from "../../engine/keys.ts";
import { once } from "../../engine/once.ts";
import type { RemoteSources, Work } from "../../engine/remote-sources.ts";
import type { PrivateInputs } from "../../engine/run-mounts.ts";
import type { FileStep, GitStep, HttpStep } from "../../engine/types.ts";
import { createTransport, DEFAULT_TIMEOUTS } from "../../registry/http/transport.ts";
import type { Transport } from "../../registry/http/transport.ts";
import type { Session, Store } from "../../store/store.ts";
import type { LayerBlob } from "../../worker/protocol.ts";
import type { GitRunner } from "./git-command.ts";
import type { GitCommit } from "./git-refs.ts";

export interface RemoteOptions {
  readonly store: Store;
  readonly session: () => Session;
  readonly env: ProcessContext["env"];
  readonly private: PrivateInputs;
  readonly signal: AbortSignal;
  /** Told how far a file is. */
  readonly onTransfer: OnTransfer;
}

/** Fetches for one build: each address and repository is asked once, whoever needs it. */
export class Remote implements RemoteSources {
  readonly #o: RemoteOptions;
  readonly #files = new Map<string, Promise<FileStep>>();
  readonly #commits = new Map<string, Promise<GitCommit>>();
  readonly #layers = new Map<string, Promise<LayerBlob>>();
  #transport: Transport | undefined;
  #runner: GitRunner | undefined;

  constructor(options: RemoteOptions) {
    this.#o = options;
  }

  async file(step: HttpStep, work: Work): Promise<FileStep> {
    const { fetchFile } = await import("./http-file.ts");
    this.#transport ??= createTransport({ env: this.#o.env }, DEFAULT_TIMEOUTS);
    const transport = this.#transport;
    const file = await once(this.#files, `${step.url} ${step.checksum ?? ""}`, () =>
      fetchFile(step, work, { ...this.#o, transport }),
    );
    return { ...file, name: step.name };
  }

  async commit(step: GitStep): Promise<string> {
    return nameOf(step, await this.#resolve(step));
  }

  async repository(step: GitStep, work: Work): Promise<LayerBlob> {
    const { store, signal } = this.#o;
    const commit = await this.#resolve(step);
    const name = nameOf(step, commit);
    return once(this.#layers, name, async () => {
      const rows = store.records.table<LayerBlob>("sources");
      const known = rows.get(name);
      if (known !== undefined && store.blobs.has(known.digest, known.size)) return known;
      const { fetchLayer } = await import("./git-layer.ts");
      const runner = this.#runGit();
      const reason =
        known === undefined ? `${commit.commit.slice(0, 12)} not fetched before` : "no longer in the store";
      const layer = await work(reason, () => fetchLayer(step, commit, { ...this.#o, runner, signal }));
      rows.put(name, layer);
      return layer;
    });
  }

  close(): void {
    this.#transport?.close();
  }

  #resolve(step: GitStep): Promise<GitCommit> {
    const { remote, ref = "", checksum = "", byCommit } = step;
    return once(this.#commits, JSON.stringify([remote, ref, checksum, byCommit]), async () => {
      const [{ resolveCommit }, { accessTo }] = await Promise.all([import("./git-refs.ts"), import("./git-access.ts")]);
      return resolveCommit(step, this.#runGit(), { authorization: accessTo(step, this.#o.private) });
    });
  }

  #runGit(): GitRunner {
    const { env, signal, session } = this.#o;
    const agent = (): string | undefined => this.#o.private.agent("default");
    return (this.#runner ??= { directory: session().tempPath("git"), env, signal, agent });
  }
}

/** Names the files of a commit: the same whatever address they came from. */
function nameOf({ directory, submodules, keepGitDir, remote }: GitStep, { commit, object, ref }: GitCommit): string {
  const kept = keepGitDir && directory === "" ? [remote, object, ref ?? ""] : [];
  return stepKey("git source", [
    ["commit", commit],
    ["directory", directory],
    ["submodules", submodules ? "with" : "without"],
    ["git directory", kept],
  ]);
}

import { rmSync } from "node:fs";
import { Semaphore } from "../../base/concurrency.ts";
import type { PrivateInputs } from "../../engine/run-mounts.ts";
import type { GitStep } from "../../engine/types.ts";
import type { Entry } from "../../layer/entry.ts";
import { writeLayer } from "../../layer/write-layer.ts";
import { layerType } from "../../oci/media-type.ts";
import type { Session, Store } from "../../store/store.ts";
import type { LayerBlob } from "../../worker/protocol.ts";
import { accessTo } from "./git-access.ts";
import type { GitRunner } from "./git-command.ts";
import { treeEntries } from "./git-entries.ts";
import { fetchCommit } from "./git-fetch.ts";
import type { FetchedRepository, WantedCommit } from "./git-fetch.ts";
import { metadataEntries } from "./git-metadata.ts";
import type { GitCommit } from "./git-refs.ts";

export interface GitLayerOptions {
  readonly store: Store;
  readonly session: () => Session;
  readonly private: PrivateInputs;
  readonly runner: GitRunner;
  readonly signal: AbortSignal;
}

/** Fetches a commit and makes one layer of its files, the same for everybody who does. */
export async function fetchLayer(step: GitStep, commit: GitCommit, options: GitLayerOptions): Promise<LayerBlob> {
  const { store, session, signal } = options;
  const writer = store.blobs.writer(session());
  try {
    const { diffId, digest, size } = await writeLayer(entriesOf(step, commit, options), {
      compression: { kind: "zstd" },
      sink: { write: (chunk) => writer.write(chunk) },
      signal,
    });
    await writer.commitAsync({ digest, size }, signal);
    return { digest, size, mediaType: layerType("oci", "zstd"), diffId };
  } finally {
    writer.abort();
  }
}

async function* entriesOf(
  step: GitStep,
  commit: GitCommit,
  { private: inputs, runner, session }: GitLayerOptions,
): AsyncGenerator<Entry, void, undefined> {
  const made: string[] = [];
  const one = new Semaphore(1);
  const authorization = accessTo(step, inputs);
  const fetch = (wanted: WantedCommit): Promise<FetchedRepository> =>
    one.use(runner.signal, async () => {
      const directory = session().tempPath("repository");
      made.push(directory);
      return fetchCommit(wanted, directory, runner, { authorization });
    });
  try {
    const repository = await fetch({ remote: step.remote, object: commit.object, ref: commit.ref });
    const { directory, submodules } = step;
    const ofSubmodule = ({ remote, commit: object }: { readonly remote: string; readonly commit: string }) =>
      fetch({ remote, object });
    yield* treeEntries(repository, { directory, submodules, fetch: ofSubmodule }, runner);
    if (step.keepGitDir && directory === "") yield* metadataEntries(repository, commit, runner);
  } finally {
    for (const directory of made) rmSync(directory, { recursive: true, force: true });
  }
}

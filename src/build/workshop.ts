import { getuid } from "node:process";
import type { ProcessContext } from "../base/context.ts";
import { AppError } from "../base/errors.ts";
import type { OnTransfer } from "../base/transfer.ts";
import type { EventSink } from "../engine/events.ts";
import type { FileStep } from "../engine/types.ts";
import { createRegistryClient } from "../registry/client.ts";
import type { RegistryClient } from "../registry/types.ts";
import { writeHostCa } from "../sandbox/host-ca.ts";
import type { Table } from "../store/records.ts";
import { defaultRoot } from "../store/paths.ts";
import { openStore, type Session, type SnapshotForm, type Store } from "../store/store.ts";
import { bootId, processorCount } from "../sys/host.ts";
import { searchPath } from "../sys/search-path.ts";
import type { Worker, WorkerOptions } from "../worker/spawn.ts";
import { LayerFetcher } from "./fetch-layer.ts";
import { privateInputs } from "./private-inputs.ts";
import { ServedAgents } from "./ssh/served-agents.ts";
import type { PrivateInputs } from "../engine/run-mounts.ts";
import { Remote } from "./remote/sources.ts";
import type { BuildRequest } from "./request.ts";
import { WorkerKeeper } from "./worker-keeper.ts";
import type { WorkerNeeds } from "./worker-keeper.ts";
import { ImageResolver } from "./resolve-image.ts";

/**
 * What a build works with: store, registry client, worker. Each is opened when it is first needed and
 * closed in the end, in reverse order.
 */
export interface Workshop {
  readonly store: Store;
  readonly client: RegistryClient;
  readonly images: ImageResolver;
  /** Secrets and agents of the request. */
  readonly private: PrivateInputs;
  readonly signal: AbortSignal;
  readonly env: ProcessContext["env"];
  readonly bootId: string;
  /** Steps at the same time where nothing else was asked for. */
  readonly parallelism: number;
  /** As PATH: where programs of the machine are looked for. */
  readonly searchPath: string;
  /** Names of stages that --cross is not to be tried on again. */
  readonly uncrossed: Set<string>;
  /** Where temporary files of this build live. */
  session(): Session;
  /** The same one each time, as long as it has what is needed. */
  worker(needs: WorkerNeeds): Promise<Worker>;
  /** Of the worker, or of the last one of such a build; undefined where there was none. */
  snapshotForm(): SnapshotForm | undefined;
  /** A file with the CAs that this machine trusts, or undefined where it has none. */
  hostCa(): string | undefined;
  /** Fetches layers of bases for one attempt: what it got once may be lost by the next. */
  layers(onTransfer: OnTransfer): LayerFetcher;
  /** Standard input as a file of the store, read once. */
  keepStdin(): Promise<FileStep>;
  /** Fetches what is at addresses, for one attempt. */
  remote(signal: AbortSignal, onTransfer: OnTransfer): Remote;
  close(): Promise<void>;
}

export async function openWorkshop(request: BuildRequest, process: ProcessContext, emit: EventSink): Promise<Workshop> {
  const note = (code: string, message: string): void => emit({ kind: "note", level: "warning", code, message });
  const store = openStore(defaultRoot(process, request.root), { onNote: note });
  const onWarning = (text: string): void => note("REGISTRY_WARNING", text);
  const client = createRegistryClient({ env: process.env, ...request.registry, onWarning });
  const remotes: Remote[] = [];
  let session: Session | undefined;
  const openSession = (): Session => (session ??= store.session());
  const agents = new ServedAgents(request.agents, (name) => openSession().tempPath(name));
  const inputs = privateInputs(request, agents);
  const { sandbox, limits } = request;
  const keeper = new WorkerKeeper((needs) => startWorker(store, process, note, { ...needs, sandbox, limits }));
  return {
    store,
    client,
    private: inputs,
    images: new ImageResolver(client, store, openSession),
    signal: process.signal,
    env: process.env,
    bootId: bootId(),
    parallelism: Math.max(2, processorCount()),
    searchPath: searchPath(process.env["PATH"]),
    uncrossed: new Set(),
    session: openSession,
    ...withMemory(keeper, store, request),
    hostCa: lazily(() => writeHostCa(process.env, openSession().tempPath("ca.pem"))),
    layers: (onTransfer) => new LayerFetcher(client, store, openSession, onTransfer),
    keepStdin: lazily(() => keepStdin(store, openSession, process)),
    remote: (signal, onTransfer) => {
      const { env } = process;
      const remote = new Remote({ store, session: openSession, env, private: inputs, signal, onTransfer });
      remotes.push(remote);
      return remote;
    },
    close: () =>
      closeAll([
        () => keeper.close(),
        () => agents.close(),
        () => session?.close(),
        () => remotes.forEach((remote) => remote.close()),
        () => client.close(),
        () => store.close(),
      ]),
  };
}

/** The form of a worker's snapshots is known from the last one of such a build, before there is one. */
function withMemory(
  keeper: WorkerKeeper,
  store: Store,
  { sandbox, platforms }: BuildRequest,
): Pick<Workshop, "worker" | "snapshotForm"> {
  const forms = (): Table<SnapshotForm> => store.records.table<SnapshotForm>("forms");
  // What decides on the place of a worker, as far as it is known by then.
  const circumstances = JSON.stringify([getuid?.(), sandbox, platforms]);
  let remembered: SnapshotForm | undefined;
  return {
    worker: async (needs) => {
      const worker = await keeper.get(needs);
      if (forms().get(circumstances) !== worker.form) forms().put(circumstances, worker.form);
      return worker;
    },
    snapshotForm: () => keeper.form ?? (remembered ??= forms().get(circumstances)),
  };
}

/** `make`, done when it is first asked for and then kept. */
function lazily<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

/** One after the other, and all of them, whichever fails. */
async function closeAll(closers: readonly (() => void | Promise<void>)[]): Promise<void> {
  await using stack = new AsyncDisposableStack();
  for (const close of closers.toReversed()) stack.defer(close);
}

async function startWorker(
  store: Store,
  process: ProcessContext,
  onNote: (code: string, message: string) => void,
  needs: WorkerNeeds & Pick<WorkerOptions, "sandbox" | "limits">,
): Promise<Worker> {
  const { spawnWorker } = await import("../worker/spawn.ts");
  const { env, signal, outputRoom } = process;
  return spawnWorker({ root: store.root, env, signal, onNote, outputRoom, ...needs });
}

async function keepStdin(store: Store, session: () => Session, { stdin, signal }: ProcessContext): Promise<FileStep> {
  const writer = store.blobs.writer(session());
  try {
    for await (const chunk of stdin?.() ?? []) writer.write(chunk);
    if (writer.size === 0) {
      throw new AppError("USAGE_INVALID", "standard input is empty, expected a Dockerfile or an archive", {
        hint: "Pipe it: tar -cz . | manyarch build -, or manyarch build - < Dockerfile.",
      });
    }
    const { digest, size } = await writer.commitAsync({}, signal);
    return { kind: "file", name: "context", digest, size, mode: 0o600, mtime: "0" };
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    writer.abort();
  }
}

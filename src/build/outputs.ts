import { join } from "node:path";
import { mapLimit } from "../base/concurrency.ts";
import { assertNever } from "../base/errors.ts";
import type { OnTransfer } from "../base/transfer.ts";
import type { Engine } from "../engine/engine.ts";
import type { Target } from "../engine/types.ts";
import { formatPlatform } from "../oci/platform.ts";
import { formatReference, type Reference } from "../oci/reference.ts";
import { openSink } from "../output/file-sink.ts";
import type { Document, Image } from "../output/image.ts";
import { imageIdOf, metadataOf } from "../output/metadata.ts";
import type { RegistryClient } from "../registry/types.ts";
import type { Store } from "../store/store.ts";
import type { Worker } from "../worker/spawn.ts";
import type { BuildRequest, Output } from "./request.ts";

/** Everything an output may need of the build. */
export interface OutputSources {
  readonly request: BuildRequest;
  /** Seconds since the epoch: SOURCE_DATE_EPOCH. */
  readonly epoch: number | undefined;
  readonly targets: readonly Target[];
  readonly images: readonly Image[];
  readonly index: Document | undefined;
  readonly store: Store;
  readonly client: RegistryClient;
  readonly engine: Engine;
  readonly onTransfer: OnTransfer;
  readonly signal: AbortSignal;
  worker(): Promise<Worker>;
}

/** Writes every output, then the files that tell of the result. Answers a line for each thing made. */
export async function writeOutputs(sources: OutputSources): Promise<readonly string[]> {
  const made: string[] = [];
  // Local ones first: a push is what others see, so it comes when everything else has worked.
  const order = [...sources.request.outputs].sort(
    (a, b) => Number(a.kind === "registry") - Number(b.kind === "registry"),
  );
  for (const output of order) made.push(...(await writeOutput(sources, output)));
  await writeResultFiles(sources);
  return made;
}

async function writeOutput(sources: OutputSources, output: Output): Promise<readonly string[]> {
  switch (output.kind) {
    case "registry":
      return push(sources);
    case "oci":
      return writeLayout(sources, output);
    case "local":
      return exportTrees(sources, output.destination);
    default:
      return assertNever(output);
  }
}

async function push(sources: OutputSources): Promise<readonly string[]> {
  const { pushImages, rootDocument } = await import("../output/registry.ts");
  const { request, images, index, client, store, onTransfer, signal } = sources;
  await pushImages({
    client,
    images,
    index,
    tags: request.tags,
    onTransfer,
    signal,
    readBlob: (digest, size) => store.blobs.read(digest, size),
    mountSources: (registry, base) => mountSources(request, registry, base),
  });
  const { digest } = rootDocument({ images, index }).descriptor;
  return request.tags.map((tag) => `${formatReference(tag)}@${digest}`);
}

/** A base's repository on the very registry we push to: directly, or because that registry is its mirror. */
function mountSources({ registry: { mirrors } }: BuildRequest, registry: string, base: Reference): readonly string[] {
  const sources = base.domain === registry ? [base.path] : [];
  for (const mirror of mirrors.get(base.domain) ?? [])
    if (mirror.address === registry) sources.push(mirror.prefix + base.path);
  return sources;
}

async function writeLayout(
  sources: OutputSources,
  output: Extract<Output, { kind: "oci" }>,
): Promise<readonly string[]> {
  const { writeLayoutDirectory, writeLayoutTar } = await import("../output/oci-layout.ts");
  const { request, epoch, images, index, store, signal } = sources;
  const options = { images, index, tags: request.tags, epoch, signal, readBlob: store.blobs.read.bind(store.blobs) };
  await (output.tar ? writeLayoutTar : writeLayoutDirectory)(options, output.destination);
  return output.destination === "-" ? [] : [output.destination];
}

async function exportTrees(sources: OutputSources, destination: string): Promise<readonly string[]> {
  const { targets, engine, signal } = sources;
  const several = targets.length > 1;
  return mapLimit(targets, 1, signal, async (target) => {
    const directory = several ? join(destination, formatPlatform(target.platform).replaceAll("/", "_")) : destination;
    const chain = await engine.snapshot(target.root);
    const worker = await sources.worker();
    await worker.request({ op: "export", chain, directory }, { signal });
    return directory;
  });
}

async function writeResultFiles({ request, images, index }: OutputSources): Promise<void> {
  if (images.length === 0) return;
  const write = async (path: string | undefined, text: string): Promise<void> => {
    if (path === undefined) return;
    const sink = openSink(path);
    await sink.write(Buffer.from(text));
    await sink.commit();
  };
  await write(request.metadataFile, `${JSON.stringify(metadataOf(images, index, request.tags), null, 2)}\n`);
  await write(request.iidFile, imageIdOf(images, index));
}

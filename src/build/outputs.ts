import { assertNever } from "../base/errors.ts";
import type { OnTransfer } from "../base/transfer.ts";
import type { Engine } from "../engine/engine.ts";
import type { Target } from "../engine/types.ts";
import { formatPlatform } from "../oci/platform.ts";
import { familiarReference, formatReference, repositoryName, type Reference } from "../oci/reference.ts";
import type { Sink } from "../output/file-sink.ts";
import type { LoadEngine } from "../output/load.ts";
import { imageIdOf, metadataOf } from "../output/metadata.ts";
import type { RegistryClient } from "../registry/types.ts";
import type { Session, Store } from "../store/store.ts";
import type { Worker } from "../worker/spawn.ts";
import type { ImageSets } from "./images.ts";
import type { BuildRequest, FilesOutput, ImageOptions, Output } from "./request.ts";

/** Everything an output may need of the build. */
export interface OutputSources {
  readonly request: BuildRequest;
  /** Seconds since the epoch: SOURCE_DATE_EPOCH. */
  readonly epoch: number | undefined;
  readonly targets: readonly Target[];
  readonly images: ImageSets;
  readonly store: Store;
  readonly client: RegistryClient;
  readonly engine: Engine;
  readonly onTransfer: OnTransfer;
  readonly signal: AbortSignal;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Found before the build, where an image is to be loaded. */
  readonly loadEngine: LoadEngine | undefined;
  session(): Session;
  worker(): Promise<Worker>;
}

/**
 * Writes every output, then the files that tell of the result. Answers a line for each thing made.
 * A push is what others see, so it comes when everything else has worked and those files are written
 * but for their names.
 */
export async function writeOutputs(sources: OutputSources): Promise<readonly string[]> {
  const made: string[] = [];
  const isPush = (output: Output): boolean => output.kind === "registry";
  const { outputs } = sources.request;
  for (const output of outputs) if (!isPush(output)) made.push(...(await writeOutput(sources, output)));
  const results = await stageResultFiles(sources);
  try {
    for (const output of outputs) if (isPush(output)) made.push(...(await writeOutput(sources, output)));
    for (const result of results) await result.commit();
  } catch (error) {
    for (const result of results) result.abort();
    throw error;
  }
  return made;
}

/** What can be known before any work of what will be written on this machine. Throws `OUTPUT_UNWRITABLE`. */
export async function checkOutputs({
  outputs,
  metadataFile,
  iidFile,
}: Pick<BuildRequest, "outputs" | "metadataFile" | "iidFile">): Promise<void> {
  const local = outputs.filter((output) => "destination" in output);
  const results = [metadataFile, iidFile].filter((path) => path !== undefined);
  if (local.length === 0 && results.length === 0) return;
  const { checkDirectory, checkFile } = await import("../output/check-destination.ts");
  const isDirectory = (output: Output): boolean => output.kind === "local" || (output.kind === "oci" && !output.tar);
  for (const output of local) (isDirectory(output) ? checkDirectory : checkFile)(output.destination);
  // Directories are made before these two.
  const made = local.filter(isDirectory).map(({ destination }) => destination);
  for (const path of results) if (!made.some((directory) => path.startsWith(`${directory}/`))) checkFile(path);
}

async function writeOutput(sources: OutputSources, output: Output): Promise<readonly string[]> {
  switch (output.kind) {
    case "registry":
      return push(sources, output);
    case "oci":
      return writeLayout(sources, output);
    case "docker":
      return writeArchive(sources, output);
    case "load":
      return load(sources, output);
    case "local":
    case "tar":
      return writeFiles(sources, output);
    case "cacheonly":
      return [];
    default:
      return assertNever(output);
  }
}

async function push(
  sources: OutputSources,
  { image, names, byDigest }: Extract<Output, { kind: "registry" }>,
): Promise<readonly string[]> {
  const { pushImages, rootDocument } = await import("../output/registry.ts");
  const { request, images, client, store, onTransfer, signal } = sources;
  const set = images.of(image);
  await pushImages({
    client,
    ...set,
    names,
    onTransfer,
    signal,
    readBlob: (digest, size) => store.blobs.read(digest, size),
    mountSources: (registry, base) => mountSources(request, registry, base),
  });
  const { digest } = rootDocument(set).descriptor;
  return names.map((name) => `${byDigest ? repositoryName(name) : formatReference(name)}@${digest}`);
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
  const options = layoutOptions(sources, output.image, output.names);
  await (output.tar ? writeLayoutTar : writeLayoutDirectory)(options, output.destination);
  return output.destination === "-" ? [] : [output.destination];
}

async function writeArchive(
  sources: OutputSources,
  { image, names, destination }: Extract<Output, { kind: "docker" }>,
): Promise<readonly string[]> {
  const { writeLayoutTar } = await import("../output/oci-layout.ts");
  await writeLayoutTar({ ...layoutOptions(sources, image, names), dockerManifest: true }, destination);
  return destination === "-" ? [] : [destination];
}

async function load(
  sources: OutputSources,
  { image, names }: Extract<Output, { kind: "load" }>,
): Promise<readonly string[]> {
  const { openLoad } = await import("../output/load.ts");
  const { writeLayout: write } = await import("../output/oci-layout.ts");
  const { env, signal, targets, loadEngine: engine } = sources;
  if (engine === undefined) throw new Error("nothing to load into");
  const options = layoutOptions(sources, image, names);
  await write({ ...options, dockerManifest: targets.length === 1 }, openLoad(engine, { env, signal }));
  const id = imageIdOf(options.images, options.index);
  return names.length > 0
    ? names.map((name) => `${familiarReference(name)} in ${engine.name}`)
    : [`${id} in ${engine.name}`];
}

function layoutOptions(
  { images, store, epoch, signal }: OutputSources,
  image: ImageOptions,
  tags: readonly Reference[],
): import("../output/oci-layout.ts").LayoutOptions {
  return { ...images.of(image), tags, epoch, signal, readBlob: store.blobs.read.bind(store.blobs) };
}

async function writeFiles(sources: OutputSources, output: FilesOutput): Promise<readonly string[]> {
  const { writeTrees } = await import("./export-files.ts");
  const { targets, engine, signal, epoch, session, worker } = sources;
  const { destination, split = targets.length > 1 } = output;
  const trees = [];
  for (const { platform, root } of targets) {
    const name = formatPlatform(platform);
    trees.push({ chain: await engine.snapshot(root), prefix: split ? name.replaceAll("/", "_") : "", platform: name });
  }
  return writeTrees({ kind: output.kind, destination, trees, epoch }, { session, worker, signal });
}

/** Both files whole but for their names. */
async function stageResultFiles({ request, images, signal }: OutputSources): Promise<readonly Sink[]> {
  const set = images.main;
  if (set === undefined) return [];
  const metadata = JSON.stringify(metadataOf(set.images, set.index, namesOf(request)), null, 2);
  const files: readonly (readonly [path: string | undefined, text: string])[] = [
    [request.metadataFile, `${metadata}\n`],
    [request.iidFile, imageIdOf(set.images, set.index)],
  ];
  const staged: Sink[] = [];
  try {
    for (const [path, text] of files) {
      if (path === undefined) continue;
      const { openSink } = await import("../output/file-sink.ts");
      const sink = openSink(path, signal);
      staged.push(sink);
      await sink.write(Buffer.from(text));
    }
  } catch (error) {
    for (const sink of staged) sink.abort();
    throw error;
  }
  return staged;
}

/** Every name that the build gave. */
function namesOf({ tags, outputs }: BuildRequest): readonly Reference[] {
  const names = [...tags, ...outputs.flatMap((output) => ("names" in output ? output.names : []))];
  return [...new Map(names.map((name) => [formatReference(name), name])).values()];
}

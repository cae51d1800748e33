import type { Work } from "../../engine/remote-sources.ts";
import type { FileStep, GitStep, HttpStep } from "../../engine/types.ts";
import type { RemoteFiles } from "../../frontend/dockerfile/to-graph/request.ts";
import { beginsArchive, openArchive } from "../../layer/archive.ts";
import type { Entry } from "../../layer/entry.ts";
import { readLayer } from "../../layer/read-layer.ts";
import { BLOCK } from "../../layer/tar/header.ts";
import { readTar } from "../../layer/tar/reader.ts";
import type { Remote } from "../remote/sources.ts";
import type { Store } from "../../store/store.ts";
import type { LayerBlob } from "../../worker/protocol.ts";

export interface SourceAccess {
  readonly store: Store;
  readonly remote: Remote;
  readonly signal: AbortSignal;
  /** Wraps what is fetched. */
  readonly work: (what: string) => Work;
}

/** A context that was fetched, or a file of one. */
export type Fetched =
  | { readonly kind: "repository"; readonly step: GitStep; readonly layer: LayerBlob }
  | { readonly kind: "archive" | "file"; readonly file: FileStep };

/** Brings what a context is into the store. */
export async function fetchSource(step: GitStep | HttpStep, access: SourceAccess): Promise<Fetched> {
  if (step.kind === "git") {
    return { kind: "repository", step, layer: await access.remote.repository(step, access.work(step.remote)) };
  }
  return fileSource(await access.remote.file(step, access.work(step.url)), access);
}

/** Its bytes say whether a file is an archive, never its name. */
export async function fileSource(file: FileStep, { store }: Pick<SourceAccess, "store">): Promise<Fetched> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of store.blobs.read(file.digest, file.size)) {
    chunks.push(chunk);
    if ((length += chunk.length) >= BLOCK) break;
  }
  const isArchive = beginsArchive(Buffer.concat(chunks).subarray(0, BLOCK));
  return { kind: isArchive ? "archive" : "file", file };
}

/** How the frontend gets at it. */
export function filesOf(fetched: Fetched): RemoteFiles {
  switch (fetched.kind) {
    case "repository":
      return { kind: "files", step: fetched.step };
    case "archive":
      return { kind: "archive", file: fetched.file };
    case "file":
      return { kind: "files", step: fetched.file };
  }
}

/** All that is in it, of a repository or an archive. */
export function entriesOf(
  fetched: Exclude<Fetched, { readonly kind: "file" }>,
  { store, signal }: Pick<SourceAccess, "store" | "signal">,
): AsyncIterable<Entry> {
  if (fetched.kind === "repository") {
    const { digest, size, diffId } = fetched.layer;
    return readLayer(store.blobs.read(digest, size), { kind: "zstd", diffId, signal });
  }
  const { digest, size } = fetched.file;
  return readTar(openArchive(() => store.blobs.read(digest, size), { signal }));
}

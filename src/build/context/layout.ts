import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { AppError, errnoOf, messageOf } from "../../base/errors.ts";
import type { ImageLayout } from "../../engine/types.ts";
import { fileChunks } from "../../layer/file-chunks.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { digestAlgorithm, digestHex, type Digest } from "../../oci/digest.ts";
import { parseManifestOrIndex } from "../../oci/manifest.ts";
import { OCI_INDEX } from "../../oci/media-type.ts";
import type { ImageSource } from "../resolve-image.ts";
import type { ContextSource } from "../request.ts";

type Layout = ContextSource & { readonly kind: "layout" };

/** Name of a manifest in a layout's index (image-spec, annotations). */
const REF_NAME = "org.opencontainers.image.ref.name";

/** What a tag, a digest, or neither names in an OCI image layout. Throws `CONTEXT_LAYOUT`. */
export function findInLayout({ directory, tag, digest }: Layout): Descriptor {
  const manifests = readIndex(directory);
  const named = (wanted: string): readonly Descriptor[] =>
    manifests.filter(({ annotations }) => {
      const name = annotations?.[REF_NAME];
      return name === wanted || name?.endsWith(`:${wanted}`) === true;
    });
  const found =
    digest !== undefined
      ? manifests.filter((manifest) => manifest.digest === digest)
      : tag !== undefined
        ? named(tag)
        : manifests.length === 1
          ? manifests
          : named("latest");
  const [first] = found;
  if (first !== undefined) return first;
  const names = manifests.map((manifest) => manifest.annotations?.[REF_NAME] ?? manifest.digest);
  throw new AppError("CONTEXT_LAYOUT", `${directory} holds no image ${digest ?? tag ?? "latest"}`, {
    hint: `It holds ${names.slice(0, 8).join(", ") || "none"}: write oci-layout://PATH:TAG or oci-layout://PATH@DIGEST.`,
  });
}

function readIndex(directory: string): readonly Descriptor[] {
  try {
    const index = parseManifestOrIndex(readFileSync(join(directory, "index.json")), OCI_INDEX, "index.json");
    if (index.kind === "index") return index.manifests;
  } catch (cause) {
    throw noLayout(directory, messageOf(cause), cause);
  }
  throw noLayout(directory, "index.json is no index");
}

function noLayout(directory: string, reason: string, cause?: unknown): AppError {
  return new AppError("CONTEXT_LAYOUT", `${directory} is no OCI image layout: ${reason}`, {
    hint: "Name a directory with index.json and blobs, such as -o type=oci,tar=false writes.",
    cause,
  });
}

/** Reads images of a layout as they are read of a registry: checked by their digests. */
export function imagesOfLayout({ directory, descriptor }: ImageLayout): ImageSource {
  return {
    resolve: () => Promise.resolve(descriptor),
    getManifest: async ({ digest = descriptor.digest }) => {
      const bytes = await readBlob(directory, digest);
      return { descriptor: { ...descriptor, digest, size: bytes.length }, bytes };
    },
    getBlob: async (_, { digest, size }, sink, signal, onProgress) => {
      const hash = createHash(digestAlgorithm(digest));
      let done = 0;
      for await (const chunk of layoutChunks(directory, digest, signal)) {
        hash.update(chunk);
        sink.write(chunk);
        done += chunk.length;
        onProgress?.(done);
      }
      const found = hash.digest("hex");
      if (found !== digestHex(digest) || done !== size) throw damaged(directory, digest);
    },
  };
}

/** What the image-spec asks registries to take for a manifest. */
const MAX_DOCUMENT = 4 * 1024 * 1024;

async function readBlob(directory: string, digest: Digest): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of layoutChunks(directory, digest)) {
    if ((length += chunk.length) > MAX_DOCUMENT) throw damaged(directory, digest);
    chunks.push(chunk);
  }
  const bytes = Buffer.concat(chunks);
  if (createHash(digestAlgorithm(digest)).update(bytes).digest("hex") !== digestHex(digest))
    throw damaged(directory, digest);
  return bytes;
}

async function* layoutChunks(
  directory: string,
  digest: Digest,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const path = join(directory, "blobs", digestAlgorithm(digest), digestHex(digest));
  try {
    yield* fileChunks(path, signal ?? new AbortController().signal);
  } catch (cause) {
    if (errnoOf(cause) === undefined) throw cause;
    throw new AppError("CONTEXT_LAYOUT", `${directory} lacks blob ${digest}: ${messageOf(cause)}`, {
      hint: WHOLE,
      cause,
    });
  }
}

const WHOLE = "The layout is not whole: make it again.";

function damaged(directory: string, digest: Digest): AppError {
  return new AppError("CONTEXT_LAYOUT", `blob ${digest} of ${directory} is not what its name says`, { hint: WHOLE });
}

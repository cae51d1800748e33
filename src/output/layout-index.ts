import { readFileSync } from "node:fs";
import { join } from "node:path";
import { AppError, errnoOf, messageOf } from "../base/errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { parseIndex } from "../oci/image-index.ts";
import { OCI_INDEX } from "../oci/media-type.ts";
import { formatReference, type Reference } from "../oci/reference.ts";
import { encodeIndex } from "../oci/serialise.ts";
import type { Document, Image } from "./image.ts";

/** What index.json names. */
interface IndexParts {
  readonly images: readonly Image[];
  readonly index: Document | undefined;
  readonly tags: readonly Reference[];
  readonly epoch: number | undefined;
}

/** The index.json of a layout, with those of the entries `others` that it does not replace. */
export function encodeLayoutIndex(parts: IndexParts, others: readonly Descriptor[]): Uint8Array {
  return encodeIndex({ kind: "index", mediaType: OCI_INDEX, manifests: layoutEntries(parts, others) });
}

/** What the index.json in `directory` names; nothing where there is none. Throws `OUTPUT_LAYOUT` and `OUTPUT_UNREADABLE`. */
export function existingEntries(directory: string): readonly Descriptor[] {
  const path = join(directory, "index.json");
  const bytes = readIndex(path);
  if (bytes === undefined) return [];
  try {
    return parseIndex(bytes).manifests;
  } catch (cause) {
    throw new AppError("OUTPUT_LAYOUT", `${path} is no OCI index: ${messageOf(cause)}`, {
      cause,
      hint: "choose another directory",
    });
  }
}

/** Undefined where there is none yet. */
function readIndex(path: string): Uint8Array | undefined {
  try {
    return readFileSync(path);
  } catch (cause) {
    if (errnoOf(cause) === "ENOENT") return undefined;
    throw new AppError("OUTPUT_UNREADABLE", `${path} cannot be read: ${messageOf(cause)}`, {
      cause,
      hint: "choose another directory, or make this one yours",
    });
  }
}

/** Each name as an entry of index.json; names are annotations there (image-spec, annotations.md). */
function layoutEntries(parts: IndexParts, others: readonly Descriptor[]): readonly Descriptor[] {
  const { images, index, tags, epoch } = parts;
  const document = index ?? images[0]?.manifest;
  if (document === undefined) throw new Error("a layout of no image");
  // BuildKit writes the time of the build without an epoch; equal images are to give equal files.
  const created = epoch === undefined ? {} : { "org.opencontainers.image.created": secondsText(epoch) };
  const annotations = { ...document.descriptor.annotations, ...created };
  const root: Descriptor = { ...document.descriptor, ...(Object.keys(annotations).length > 0 && { annotations }) };
  const named = tags.map((tag) => ({
    ...root,
    annotations: {
      ...root.annotations,
      "io.containerd.image.name": formatReference(tag),
      "org.opencontainers.image.ref.name": tag.tag ?? "latest",
    },
  }));
  const mine = named.length > 0 ? named : [root];
  const isReplaced = (other: Descriptor): boolean =>
    other.digest === root.digest ||
    mine.some((entry) => nameOf(entry) !== undefined && nameOf(entry) === nameOf(other));
  return [...others.filter((other) => !isReplaced(other)), ...mine];
}

function secondsText(epoch: number): string {
  return new Date(epoch * 1000).toISOString().replace(".000Z", "Z");
}

function nameOf({ annotations }: Descriptor): string | undefined {
  return annotations?.["io.containerd.image.name"] ?? annotations?.["org.opencontainers.image.ref.name"];
}

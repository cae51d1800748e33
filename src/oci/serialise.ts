import { compareBytewise } from "../base/bytes.ts";
import type { HistoryEntry, ImageConfig, RuntimeConfig } from "./config.ts";
import type { Descriptor } from "./descriptor.ts";
import type { ImageIndex } from "./image-index.ts";
import type { ImageManifest } from "./manifest.ts";
import { platformObject } from "./platform-json.ts";
import { RUNTIME_FIELDS } from "./runtime-config.ts";

/**
 * The bytes of documents that we make. Equal values give equal bytes: members stand in a fixed order,
 * maps in that of their keys. What was pulled is never written again from its parsed form.
 */

/** Indented by two, as BuildKit writes it. */
export function encodeManifest(manifest: ImageManifest): Uint8Array {
  return indented({
    schemaVersion: 2,
    mediaType: manifest.mediaType,
    artifactType: manifest.artifactType || undefined,
    config: descriptorObject(manifest.config),
    layers: manifest.layers.map(descriptorObject),
    subject: manifest.subject && descriptorObject(manifest.subject),
    annotations: sortedMap(manifest.annotations),
  });
}

/** Indented by two, as BuildKit writes it. */
export function encodeIndex(index: ImageIndex): Uint8Array {
  return indented({
    schemaVersion: 2,
    mediaType: index.mediaType,
    artifactType: index.artifactType || undefined,
    manifests: index.manifests.map(descriptorObject),
    subject: index.subject && descriptorObject(index.subject),
    annotations: sortedMap(index.annotations),
  });
}

/** Compact, members sorted, as BuildKit writes it. Unknown members of the base are kept. */
export function encodeConfig(image: ImageConfig): Uint8Array {
  const document = sortedMap({
    ...image.other,
    ...platformObject(image),
    created: image.created,
    author: image.author || undefined,
    config: runtimeObject(image.config),
    rootfs: { type: "layers", diff_ids: image.rootfs?.diff_ids ?? [] },
    history: image.history?.map(historyObject),
  });
  return Buffer.from(JSON.stringify(document));
}

/** The members of a descriptor in the order of the image-spec's Go types; empty ones left out. */
export function descriptorObject(descriptor: Descriptor): object {
  return {
    mediaType: descriptor.mediaType,
    digest: descriptor.digest,
    size: descriptor.size,
    urls: descriptor.urls?.length ? descriptor.urls : undefined,
    annotations: sortedMap(descriptor.annotations),
    data: descriptor.data || undefined,
    platform: descriptor.platform && platformObject(descriptor.platform),
    artifactType: descriptor.artifactType || undefined,
  };
}

function runtimeObject(config: RuntimeConfig): object {
  const known = RUNTIME_FIELDS.map((key): [string, unknown] => [
    key,
    isMap(key) ? sortedMap(config[key]) : config[key],
  ]);
  return { ...Object.fromEntries(known), ...sortedMap(config.other) };
}

function isMap(key: string): key is "ExposedPorts" | "Volumes" | "Labels" {
  return key === "ExposedPorts" || key === "Volumes" || key === "Labels";
}

function historyObject(entry: HistoryEntry): object {
  return {
    created: entry.created,
    created_by: entry.created_by,
    author: entry.author,
    comment: entry.comment,
    empty_layer: entry.empty_layer || undefined,
  };
}

/** Sorted by the bytes of the keys (JavaScript puts keys that are integers first); undefined where empty. */
function sortedMap(map: object | undefined): object | undefined {
  const entries = Object.entries(map ?? {}).sort(([a], [b]) => compareBytewise(a, b));
  return entries.length > 0 ? Object.fromEntries(entries) : undefined;
}

function indented(document: object): Uint8Array {
  return Buffer.from(JSON.stringify(document, null, 2));
}

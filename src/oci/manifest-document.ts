import { AppError } from "../base/errors.ts";
import { checkMediaType, parseDescriptor } from "./descriptor.ts";
import type { Descriptor } from "./descriptor.ts";
import { arrayField, asObject, at, checkSpelling, integerField, stringField, stringMapField } from "./fields.ts";
import type { Where } from "./fields.ts";
import { parseStrictJson } from "./json.ts";
import type { JsonObject } from "./json.ts";
import { DOCKER_SCHEMA1, isIndexType, isManifestType, isSchema1Type, OCI_INDEX, OCI_MANIFEST } from "./media-type.ts";

/** A manifest or index of which only the outer shape is known to be right. */
export interface ManifestDocument {
  readonly kind: "manifest" | "index";
  /** Of the body, else of the answer that brought it, else OCI's. */
  readonly mediaType: string;
  readonly object: JsonObject;
  readonly where: Where;
}

/** Members of both kinds. */
export interface SharedMembers {
  readonly artifactType?: string | undefined;
  readonly subject?: Descriptor | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** What the answer's Content-Type says about the type: nothing. */
const GENERIC_TYPES: ReadonlySet<string> = new Set(["", "application/json", "application/octet-stream", "text/plain"]);

const FIELDS = [
  "schemaVersion",
  "mediaType",
  "artifactType",
  "config",
  "layers",
  "manifests",
  "subject",
  "annotations",
  "fsLayers",
] as const;

/** Members that the one kind has and the other must not: what confuses readers (CVE-2021-41190). */
const FOREIGN = {
  manifest: ["manifests", "fsLayers"],
  index: ["config", "layers", "fsLayers", "history"],
} as const;

/**
 * Reads the outside of a manifest or an index. `contentType` is that of the answer, where there was
 * one. Throws `JSON_INVALID`, `MANIFEST_INVALID`, and `MANIFEST_UNSUPPORTED` for what is none of ours.
 */
export function readManifestDocument(
  bytes: Uint8Array,
  contentType: string | undefined,
  what: string,
): ManifestDocument {
  const where: Where = { code: "MANIFEST_INVALID", path: what };
  const object = asObject(parseStrictJson(bytes, what), where);
  const claimed = claimedType(contentType);
  const stated = stringField(object, "mediaType", where);
  refuseSchema1(object, stated ?? claimed, where);
  checkSpelling(object, FIELDS, where);
  if (stated !== undefined) checkMediaType(stated, at(where, "mediaType"));
  if (stated !== undefined && claimed !== undefined && stated !== claimed) {
    throw new AppError("MANIFEST_INVALID", `${what} says that it is ${stated}, but was served as ${claimed}`, {
      hint: "The registry or a proxy in front of it mixes up documents; pull by digest or from another registry.",
    });
  }
  const kind = kindOf(object, stated ?? claimed, where);
  refuseConfusion(object, kind, where);
  const version = integerField(object, "schemaVersion", where);
  if (version !== 2)
    throw new AppError("MANIFEST_INVALID", `${what}.schemaVersion: expected 2, found ${version ?? "nothing"}`);
  return {
    kind,
    mediaType: stated ?? claimed ?? (kind === "index" ? OCI_INDEX : OCI_MANIFEST),
    object,
    where,
  };
}

export function sharedMembers({ object, where }: ManifestDocument): SharedMembers {
  const artifactType = stringField(object, "artifactType", where);
  const subject = object["subject"] ?? undefined;
  const annotations = stringMapField(object, "annotations", where);
  return {
    ...(artifactType !== undefined && { artifactType: checkMediaType(artifactType, at(where, "artifactType")) }),
    ...(subject !== undefined && { subject: parseDescriptor(subject, `${where.path}.subject`) }),
    ...(annotations && { annotations }),
  };
}

/** The list of descriptors that `key` must hold; null is empty. */
export function descriptorsOf({ object, where }: ManifestDocument, key: "layers" | "manifests"): readonly Descriptor[] {
  if (object[key] === undefined) throw new AppError(where.code, `${where.path} has no ${key}, expected an array`);
  return (arrayField(object, key, where) ?? []).map((value, index) =>
    parseDescriptor(value, `${where.path}.${key}[${index}]`),
  );
}

function claimedType(contentType: string | undefined): string | undefined {
  const type = (contentType ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
  return GENERIC_TYPES.has(type) ? undefined : type;
}

function refuseSchema1(object: JsonObject, mediaType: string | undefined, where: Where): void {
  const isOld = mediaType === undefined ? object["schemaVersion"] === 1 : isSchema1Type(mediaType);
  if (!isOld && !(object["schemaVersion"] === 1 && object["fsLayers"] !== undefined)) return;
  throw new AppError("MANIFEST_UNSUPPORTED", `${where.path} is of the first schema (${mediaType ?? DOCKER_SCHEMA1})`, {
    hint: "Pull the image with an old docker and push it again with one of version 1.10 or later.",
  });
}

function kindOf(object: JsonObject, mediaType: string | undefined, where: Where): "manifest" | "index" {
  if (mediaType !== undefined) {
    if (isIndexType(mediaType)) return "index";
    if (isManifestType(mediaType)) return "manifest";
    throw new AppError("MANIFEST_UNSUPPORTED", `${where.path} is of a type that is no image's: ${mediaType}`, {
      hint: "Name an image or an image index.",
    });
  }
  if (isPresent(object, "manifests")) return "index";
  if (isPresent(object, "config")) return "manifest";
  throw new AppError(
    "MANIFEST_INVALID",
    `${where.path} is neither a manifest nor an index: it has no config and no manifests`,
  );
}

function refuseConfusion(object: JsonObject, kind: "manifest" | "index", where: Where): void {
  const key = FOREIGN[kind].find((name) => isPresent(object, name));
  if (key === undefined) return;
  const article = kind === "index" ? "an index" : "a manifest";
  throw new AppError(
    "MANIFEST_INVALID",
    `${where.path} is ${article} and has ${JSON.stringify(key)}, which ${article} must not have`,
    {
      hint: "Such a document means different images to different clients; do not use it.",
    },
  );
}

function isPresent(object: JsonObject, key: string): boolean {
  return (object[key] ?? null) !== null;
}

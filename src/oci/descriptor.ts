import { AppError, messageOf } from "../base/errors.ts";
import { digestOf, parseDigest } from "./digest.ts";
import type { Digest } from "./digest.ts";
import {
  asObject,
  at,
  checkSpelling,
  integerField,
  objectField,
  stringField,
  stringMapField,
  stringsField,
  unexpected,
} from "./fields.ts";
import type { Where } from "./fields.ts";
import type { JsonValue } from "./json.ts";
import { parsePlatformObject } from "./platform-json.ts";
import type { Platform } from "./platform.ts";

/** Names a blob or manifest by what it is: type, digest, size. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes; 0 to 2^53-1. */
  readonly size: number;
  /** As the index says it, not normalised. */
  readonly platform?: Platform | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  /** Other places to fetch it from. Never sent credentials. */
  readonly urls?: readonly string[] | undefined;
  readonly artifactType?: string | undefined;
  /** The content itself, base64. */
  readonly data?: string | undefined;
}

const FIELDS = ["mediaType", "digest", "size", "platform", "annotations", "urls", "artifactType", "data"] as const;

/**
 * Reads a descriptor from parsed JSON. `where` is its place in the document, for messages
 * (`manifest.layers[2]`). Throws `DESCRIPTOR_INVALID`.
 */
export function parseDescriptor(value: JsonValue | undefined, where: string): Descriptor {
  const place: Where = { code: "DESCRIPTOR_INVALID", path: where };
  const object = asObject(value, place);
  checkSpelling(object, FIELDS, place);
  const platform = objectField(object, "platform", place);
  const annotations = stringMapField(object, "annotations", place);
  const urls = stringsField(object, "urls", place);
  const artifactType = stringField(object, "artifactType", place);
  const data = stringField(object, "data", place);
  return {
    mediaType: checkMediaType(stringField(object, "mediaType", place), at(place, "mediaType")),
    digest: checkDigest(stringField(object, "digest", place), at(place, "digest")),
    size: checkSize(integerField(object, "size", place), at(place, "size")),
    ...(platform && { platform: parsePlatformObject(platform, at(place, "platform")) }),
    ...(annotations && { annotations }),
    ...(urls && { urls }),
    ...(artifactType !== undefined && { artifactType: checkMediaType(artifactType, at(place, "artifactType")) }),
    ...(data && { data }),
  };
}

/** The descriptor of `bytes`, with sha256. */
export function describeBytes(bytes: Uint8Array, mediaType: string): Descriptor {
  return { mediaType, digest: digestOf(bytes), size: bytes.length };
}

/** Throws `where.code` unless `value` is `type/subtype` as RFC 6838 allows, without parameters. */
export function checkMediaType(value: string | undefined, where: Where): string {
  const name = "[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}";
  if (value !== undefined && new RegExp(`^${name}/${name}$`).test(value)) return value;
  throw unexpected(value, "a media type", where);
}

function checkDigest(value: string | undefined, where: Where): Digest {
  if (value === undefined) throw unexpected(value, "a digest", where);
  try {
    return parseDigest(value);
  } catch (error) {
    throw new AppError(where.code, `${where.path}: ${messageOf(error)}`, { cause: error });
  }
}

function checkSize(value: number | undefined, where: Where): number {
  if (value !== undefined && value >= 0) return value;
  throw unexpected(value, "a size of 0 or more bytes", where);
}

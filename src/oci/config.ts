import { AppError } from "../base/errors.ts";
import { parseDigest } from "./digest.ts";
import type { Digest } from "./digest.ts";
import {
  asObject,
  at,
  booleanField,
  checkSpelling,
  objectField,
  stringField,
  stringsField,
  arrayField,
  unexpected,
} from "./fields.ts";
import type { Where } from "./fields.ts";
import { parseStrictJson } from "./json.ts";
import type { JsonObject } from "./json.ts";
import type { ImageManifest } from "./manifest.ts";
import { platformFields } from "./platform-json.ts";
import type { Platform } from "./platform.ts";
import { parseRuntimeConfig } from "./runtime-config.ts";
import type { RuntimeConfig } from "./runtime-config.ts";

export type { Healthcheck, RuntimeConfig } from "./runtime-config.ts";

/** The config of an image: its platform, how to run it, and what its layers are. */
export interface ImageConfig extends Platform {
  /** RFC 3339. */
  readonly created?: string | undefined;
  readonly author?: string | undefined;
  readonly config: RuntimeConfig;
  /** Absent while an image is being made. */
  readonly rootfs?: RootFs | undefined;
  readonly history?: readonly HistoryEntry[] | undefined;
  /** Members that are none of the above, kept so that they survive in what is built on this image. */
  readonly other?: JsonObject | undefined;
}

export interface RootFs {
  readonly type: "layers";
  /** Lowest first. */
  readonly diff_ids: readonly Digest[];
}

export interface HistoryEntry {
  /** RFC 3339. */
  readonly created?: string | undefined;
  readonly created_by?: string | undefined;
  readonly comment?: string | undefined;
  readonly author?: string | undefined;
  /** True where the instruction made no layer. */
  readonly empty_layer?: boolean | undefined;
}

/** A config as it is found in a registry: complete. */
export type CompleteConfig = ImageConfig & {
  readonly rootfs: RootFs;
  readonly history: readonly HistoryEntry[];
};

const FIELDS = [
  "created",
  "author",
  "architecture",
  "variant",
  "os",
  "os.version",
  "os.features",
  "config",
  "rootfs",
  "history",
] as const;
const HISTORY_FIELDS = ["created", "created_by", "comment", "author", "empty_layer"] as const;

/**
 * Reads an image's config. `what` names it in messages. Throws `JSON_INVALID` and `CONFIG_INVALID`.
 * Optional members may be null; history may be absent and need not fit the layers.
 */
export function parseConfig(bytes: Uint8Array, what = "image config"): CompleteConfig {
  const where: Where = { code: "CONFIG_INVALID", path: what };
  const object = asObject(parseStrictJson(bytes, what), where);
  checkSpelling(object, FIELDS, where);
  const other = Object.entries(object).filter(([key]) => !FIELDS.some((field) => field === key));
  const created = timeField(object, "created", where);
  const author = stringField(object, "author", where);
  return {
    ...requiredPlatform(object, where),
    ...(created && { created }),
    ...(author && { author }),
    config: parseRuntimeConfig(objectField(object, "config", where) ?? {}, at(where, "config")),
    rootfs: parseRootFs(object, where),
    history: (arrayField(object, "history", where) ?? []).map((entry, index) =>
      parseHistoryEntry(asObject(entry, at(where, `history[${index}]`)), at(where, `history[${index}]`)),
    ),
    ...(other.length > 0 && { other: Object.fromEntries(other) }),
  };
}

/** Throws `CONFIG_INVALID` unless there is one diffID for each layer of `manifest`. */
export function assertDiffIds(config: CompleteConfig, manifest: ImageManifest, what = "image config"): void {
  const expected = manifest.layers.length;
  const found = config.rootfs.diff_ids.length;
  if (found === expected) return;
  throw new AppError(
    "CONFIG_INVALID",
    `${what} has ${found} diff_ids, expected ${expected}: one for each layer of its manifest`,
    {
      hint: "The image is broken; build and push it again.",
    },
  );
}

function requiredPlatform(object: JsonObject, where: Where): Platform {
  for (const key of ["os", "architecture"]) {
    if (stringField(object, key, where) === undefined) throw unexpected(undefined, "a string", at(where, key));
  }
  return platformFields(object, where);
}

function parseRootFs(object: JsonObject, where: Where): RootFs {
  const place = at(where, "rootfs");
  const rootfs = asObject(object["rootfs"], place);
  checkSpelling(rootfs, ["type", "diff_ids"], place);
  const type = stringField(rootfs, "type", place);
  if (type !== "layers") throw unexpected(type, '"layers"', at(place, "type"));
  if (rootfs["diff_ids"] === undefined) throw unexpected(undefined, "an array", at(place, "diff_ids"));
  const texts = stringsField(rootfs, "diff_ids", place) ?? [];
  return {
    type,
    diff_ids: texts.map((text, index) => diffId(text, at(place, `diff_ids[${index}]`))),
  };
}

function diffId(text: string, where: Where): Digest {
  try {
    return parseDigest(text);
  } catch (cause) {
    throw new AppError(where.code, `${where.path}: expected a digest, found ${JSON.stringify(text.slice(0, 140))}`, {
      cause,
    });
  }
}

function parseHistoryEntry(object: JsonObject, where: Where): HistoryEntry {
  checkSpelling(object, HISTORY_FIELDS, where);
  const created = timeField(object, "created", where);
  const createdBy = stringField(object, "created_by", where);
  const comment = stringField(object, "comment", where);
  const author = stringField(object, "author", where);
  return {
    ...(created && { created }),
    ...(createdBy && { created_by: createdBy }),
    ...(comment && { comment }),
    ...(author && { author }),
    ...(booleanField(object, "empty_layer", where) && { empty_layer: true }),
  };
}

function timeField(object: JsonObject, key: string, where: Where): string | undefined {
  const text = stringField(object, key, where);
  if (text === undefined) return undefined;
  const isTime =
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/.test(text) && !Number.isNaN(Date.parse(text));
  if (isTime) return text;
  throw unexpected(text, "a time such as 2026-01-31T00:00:00Z", at(where, key));
}

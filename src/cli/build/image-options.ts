import { parseBoolean } from "../../base/values.ts";
import type { ImageOptions } from "../../build/request.ts";
import { needsOciFormat } from "../../oci/annotation.ts";
import { outputAnnotation } from "./annotation.ts";
import { usage } from "./usage.ts";

/** Options of an output that say how its image is written, as docker buildx names them. */
export const IMAGE_OPTIONS = [
  "name",
  "compression",
  "compression-level",
  "force-compression",
  "oci-mediatypes",
  "rewrite-timestamp",
  "prefer-nondist-layers",
  // Of attestations, which there are none of.
  "oci-artifact",
  "attestation-inline",
] as const;

export function isImageOption(name: string): boolean {
  return name.startsWith("annotation") || IMAGE_OPTIONS.some((known) => known === name);
}

/** `format`: what counts where neither the output nor the build says which. */
export function imageOptions(
  options: ReadonlyMap<string, string>,
  defaults: ImageOptions,
  flag: string,
  format?: ImageOptions["format"],
): ImageOptions {
  if (switchOf(options, "prefer-nondist-layers", flag) === true)
    throw usage(`${flag}: prefer-nondist-layers is not supported`, "leave it out");
  const own = [...options].flatMap(([name, value]) => outputAnnotation(name, value, flag) ?? []);
  const annotations = [...defaults.annotations, ...own];
  const compression = compressionOf(options.get("compression"), flag) ?? defaults.compression;
  const oci = switchOf(options, "oci-mediatypes", flag);
  const asked = oci === undefined ? undefined : oci ? "oci" : "docker";
  const image: ImageOptions = {
    compression,
    level: levelOf(options.get("compression-level"), compression, flag) ?? defaults.level,
    forceCompression: switchOf(options, "force-compression", flag) ?? defaults.forceCompression,
    format: asked ?? format ?? defaults.format,
    rewriteTimestamp: switchOf(options, "rewrite-timestamp", flag) ?? defaults.rewriteTimestamp,
    annotations,
  };
  return asked === "docker" ? checkFormat(image, flag) : withFormat(image);
}

/** As BuildKit has it: what docker's documents cannot say is said in OCI's. */
function withFormat(image: ImageOptions): ImageOptions {
  const { compression, format, annotations } = image;
  return compression === "zstd" || needsOciFormat(annotations, format) ? { ...image, format: "oci" } : image;
}

/** Refuses what a format that was asked for by name cannot hold. */
export function checkFormat(image: ImageOptions, flag: string): ImageOptions {
  if (image.format === "oci") return image;
  if (image.compression === "zstd")
    throw usage(`${flag}: docker's media types have none for zstd`, "leave out one of the two");
  if (needsOciFormat(image.annotations, image.format))
    throw usage(
      `${flag}: docker's media types have no annotations of an index or a descriptor`,
      "leave out one of the two",
    );
  return image;
}

const COMPRESSIONS = { gzip: "gzip", zstd: "zstd", uncompressed: "none", none: "none" } as const;

function compressionOf(text: string | undefined, flag: string): ImageOptions["compression"] | undefined {
  if (text === undefined) return undefined;
  const found = Object.entries(COMPRESSIONS).find(([name]) => name === text)?.[1];
  if (found === undefined)
    throw usage(`${flag}: compression ${text} is not supported`, "choose gzip, zstd or uncompressed");
  return found;
}

/** What each compressor takes; zstd's levels are those of its own command line. */
const LEVELS = { gzip: [0, 9], zstd: [1, 22], none: [0, 0] } as const;

function levelOf(text: string | undefined, compression: ImageOptions["compression"], flag: string): number | undefined {
  if (text === undefined || compression === "none") return undefined;
  const [least, most] = LEVELS[compression];
  const level = Number(text);
  if (/^\d{1,2}$/.test(text) && level >= least && level <= most) return level;
  throw usage(
    `${flag}: compression-level ${text} is none of ${compression}'s`,
    `write a number from ${least} to ${most}`,
  );
}

function switchOf(options: ReadonlyMap<string, string>, name: string, flag: string): boolean | undefined {
  const text = options.get(name);
  if (text === undefined) return undefined;
  const value = text === "" ? true : parseBoolean(text);
  if (value === undefined) throw usage(`${flag}: ${name} is true or false, found ${text}`, `write ${name}=true`);
  return value;
}

import { formatPlatformFull, normalizePlatform } from "../../../oci/platform.ts";
import type { Platform } from "../../../oci/platform.ts";
import { goQuote } from "../go-quote.ts";
import type { Linter, Place } from "./linter.ts";
import type { Rule } from "./rule.ts";

export const INVALID_BASE_IMAGE_PLATFORM: Rule = {
  name: "InvalidBaseImagePlatform",
  description: "Base image platform does not match expected target platform",
  url: "",
  severity: "warning",
  hint: "Choose an image that has this platform, or write FROM --platform=$BUILDPLATFORM where its programs run here.",
};

/** What a name of an image stood for, against what was asked of it. */
export function checkImagePlatform(
  linter: Linter,
  { name, asked, found }: { readonly name: string; readonly asked: Platform; readonly found: Platform },
  place: Place,
): void {
  if (asked.os === found.os && asked.architecture === found.architecture) return;
  const [expected, actual] = [asked, found].map((platform) => goQuote(formatPlatformFull(normalizePlatform(platform))));
  const message = `Base image ${name} was pulled with platform ${actual}, expected ${expected} for current build`;
  linter.report(INVALID_BASE_IMAGE_PLATFORM, message, place);
}

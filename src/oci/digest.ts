import { hash } from "node:crypto";
import { AppError } from "../base/errors.ts";

/** `algorithm:hex`, in lower case and of the algorithm's length. Made by {@link parseDigest} and {@link digestOf} only. */
export type Digest = string & { readonly __brand: "Digest" };

export type DigestAlgorithm = "sha256" | "sha512";

/** Throws `DIGEST_INVALID`. What passes is safe as a path component and in a URL. */
export function parseDigest(text: string): Digest {
  if (isDigest(text)) return text;
  throw new AppError("DIGEST_INVALID", `digest ${quote(text)} is not valid: ${fault(text)}`, {
    hint: "Write it as sha256: and 64 lower-case hexadecimal digits.",
  });
}

export function isDigest(text: string): text is Digest {
  return /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/.test(text);
}

/** The sha256 digest of `bytes`. */
export function digestOf(bytes: Uint8Array): Digest {
  return `sha256:${hash("sha256", bytes, "hex")}` as Digest;
}

export function digestAlgorithm(digest: Digest): DigestAlgorithm {
  return digest.startsWith("sha512:") ? "sha512" : "sha256";
}

export function digestHex(digest: Digest): string {
  return digest.slice(digest.indexOf(":") + 1);
}

function fault(text: string): string {
  const colon = text.indexOf(":");
  if (colon < 0) return "expected an algorithm and a colon in front";
  const algorithm = text.slice(0, colon);
  const length = algorithm === "sha256" ? 64 : algorithm === "sha512" ? 128 : undefined;
  if (length === undefined) return `expected the algorithm sha256 or sha512, found ${quote(algorithm)}`;
  const hex = text.slice(colon + 1);
  if (hex.length !== length) return `expected ${length} hexadecimal digits, found ${hex.length} characters`;
  return "expected lower-case hexadecimal digits";
}

function quote(text: string): string {
  return JSON.stringify(text.length > 140 ? `${text.slice(0, 140)}…` : text);
}

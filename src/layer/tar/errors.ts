import { AppError } from "../../base/errors.ts";

/**
 * What is wrong with a tar.
 *
 * `TAR_INVALID`: no tar, or one that readers understand differently. `TAR_TRUNCATED`: ends inside an
 * entry. `TAR_UNSUPPORTED`: valid, but of no use in a layer. `TAR_LIMIT`: larger than any real one.
 * `TAR_UNSAFE_PATH`: names something outside of the root.
 */
export type TarErrorCode = "TAR_INVALID" | "TAR_TRUNCATED" | "TAR_UNSUPPORTED" | "TAR_LIMIT" | "TAR_UNSAFE_PATH";

/** `offset` is the position in the uncompressed archive; `message` says what is there. */
export function tarError(code: TarErrorCode, offset: number, message: string): AppError {
  return new AppError(code, `tar at byte ${offset}: ${message}`);
}

/** A name for a message: quoted, in ASCII, not longer than a line. */
export function quoteName(name: string): string {
  const text = Buffer.from(name.length > 120 ? `${name.slice(0, 120)}...` : name, "latin1").toString("utf8");
  return JSON.stringify(text);
}

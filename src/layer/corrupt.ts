import { AppError } from "../base/errors.ts";

/** `LAYER_CORRUPT`: the compressed bytes are damaged, incomplete or not what they are said to be. */
export function layerCorrupt(message: string, cause?: unknown): AppError {
  return new AppError("LAYER_CORRUPT", message, {
    cause,
    hint: "Fetch the layer again; if that does not help, the image was pushed broken.",
  });
}

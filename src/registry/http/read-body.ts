import { RegistryError } from "../errors.ts";
import type { HttpResponse } from "./transport.ts";

/** The whole body, or undefined where it has more than `limit` bytes. */
export async function readBytes(response: HttpResponse, limit: number): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    await response.read((chunk) => {
      size += chunk.length;
      if (size > limit) throw new TooLong();
      chunks.push(chunk);
    });
  } catch (error) {
    if (error instanceof TooLong) return undefined;
    throw error;
  }
  return chunks.length === 1 ? chunks[0] : Buffer.concat(chunks, size);
}

/** At most `limit` bytes of a body that matters only to people; what is lost on the way is left out. */
export async function readText(response: HttpResponse, limit: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    await response.read((chunk) => {
      chunks.push(chunk.subarray(0, limit - size));
      size += chunk.length;
      if (size >= limit) throw new TooLong();
    });
  } catch (error) {
    if (!(error instanceof TooLong) && !(error instanceof RegistryError)) throw error;
  }
  return Buffer.concat(chunks).toString("utf8");
}

class TooLong extends Error {}

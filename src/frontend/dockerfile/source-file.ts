import { decodeUtf8 } from "../../base/utf8.ts";
import type { SourceFile } from "../../base/source.ts";

/** The text of a Dockerfile or ignore file. A byte order mark is dropped; bytes that are no UTF-8 survive (base/utf8.ts). */
export function decodeSourceFile(name: string, bytes: Uint8Array): SourceFile {
  const text = decodeUtf8(bytes);
  return { name, text: text.startsWith("\ufeff") ? text.slice(1) : text };
}

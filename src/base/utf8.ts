import { isUtf8 } from "node:buffer";

/**
 * Text that gives back its bytes, whatever they were: valid UTF-8 decodes as usual and each other
 * byte becomes the lone surrogate U+DC00 + byte, which no valid text holds (Python's surrogateescape).
 * Such text survives JSON, comparison and slicing; shown to people the stray units become U+FFFD.
 */
export function decodeUtf8(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (isUtf8(buffer)) return buffer.toString("utf8");
  let text = "";
  let start = 0;
  for (let at = 0; at < buffer.length;) {
    const length = sequenceLength(buffer, at);
    if (length > 0) {
      at += length;
      continue;
    }
    text += buffer.toString("utf8", start, at) + String.fromCharCode(0xdc00 + buffer[at]!);
    start = ++at;
  }
  return text + buffer.toString("utf8", start);
}

/** The bytes {@link decodeUtf8} read. A lone surrogate that stands for no byte becomes U+FFFD. */
export function encodeUtf8(text: string): Buffer {
  if (text.isWellFormed()) return Buffer.from(text, "utf8");
  const parts: Buffer[] = [];
  for (const piece of text.split(/([\udc80-\udcff])/u)) {
    const isByte = piece.length === 1 && /^[\udc80-\udcff]$/u.test(piece);
    parts.push(isByte ? Buffer.of(piece.charCodeAt(0) - 0xdc00) : Buffer.from(piece, "utf8"));
  }
  return Buffer.concat(parts);
}

/** A `latin1` byte string, as layer/entry.ts names files, in the text form of {@link decodeUtf8}. */
export function textOfName(name: string): string {
  return isAscii(name) ? name : decodeUtf8(Buffer.from(name, "latin1"));
}

/** The `latin1` byte string of a text: what a path written in a Dockerfile is called in a tree. */
export function nameOfText(text: string): string {
  return isAscii(text) ? text : encodeUtf8(text).toString("latin1");
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}

/** Length of the valid sequence at `at`, 0 where there is none (RFC 3629: no overlong forms, no surrogates). */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at]!;
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return 0;
  const length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  const second = bytes[at + 1] ?? 0;
  const low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (second < low || second > high) return 0;
  for (let i = 2; i < length; i++) if (((bytes[at + i] ?? 0) & 0xc0) !== 0x80) return 0;
  return length;
}

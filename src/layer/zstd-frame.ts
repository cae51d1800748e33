import { formatBytes } from "../base/bytes.ts";
import { layerCorrupt } from "./corrupt.ts";

/** The longest a frame header can be. */
export const FRAME_HEADER_BYTES = 18;

/** What `zstd` itself allows without `--long=31`, and what bounds the decoder's memory. */
const WINDOW_LIMIT = 128 * 1024 * 1024;

/** The start of a frame (RFC 8878, 3.1.1). Skippable frames hold `length` bytes of no meaning to us. */
export type FrameHeader =
  | { readonly kind: "skippable"; readonly headerBytes: number; readonly length: number }
  | {
      readonly kind: "zstd";
      readonly headerBytes: number;
      readonly hasChecksum: boolean;
      /** Bytes after decoding, where the frame says. */
      readonly contentBytes: number | undefined;
    };

/** Reads the header at `at`, of which all that there is must be at hand; undefined where none begins. */
export function parseFrameHeader(buffer: Buffer, at: number): FrameHeader | undefined {
  const left = buffer.length - at;
  if (left < 4) return undefined;
  const magic = buffer.readUInt32LE(at);
  if ((magic & 0xfffffff0) >>> 0 === 0x184d2a50) {
    if (left < 8) throw layerCorrupt("the compressed data ends within a skippable frame");
    return { kind: "skippable", headerBytes: 8, length: buffer.readUInt32LE(at + 4) };
  }
  if (magic !== 0xfd2fb528) return undefined;
  const descriptor = buffer[at + 4] ?? 0;
  const isSingle = (descriptor & 0x20) !== 0;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
  const sizeBytes = [isSingle ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  const windowBytes = isSingle ? 0 : 1;
  const headerBytes = 5 + windowBytes + dictionaryBytes + sizeBytes;
  if (left < headerBytes) throw layerCorrupt("the compressed data ends within a frame header");
  if (buffer.subarray(at + 5 + windowBytes, at + 5 + windowBytes + dictionaryBytes).some((byte) => byte !== 0)) {
    throw layerCorrupt("the compressed data needs a zstd dictionary, which no layer may");
  }
  const contentBytes = readSize(buffer, at + headerBytes - sizeBytes, sizeBytes);
  checkWindow(isSingle ? (contentBytes ?? 0) : windowOf(buffer[at + 5] ?? 0));
  return { kind: "zstd", headerBytes, hasChecksum: (descriptor & 4) !== 0, contentBytes };
}

/** Finds the end of a frame by its block headers, without decoding: Node's decoder does not tell. */
export class FrameScanner {
  #next: "block" | "payload" | "checksum" | "end" = "payload";
  /** Bytes of the present part that are still to come. */
  #left: number;
  #blockHeader = 0;
  #isLast = false;
  readonly #hasChecksum: boolean;

  constructor(header: FrameHeader & { readonly kind: "zstd" }) {
    this.#left = header.headerBytes;
    this.#hasChecksum = header.hasChecksum;
  }

  get ended(): boolean {
    return this.#next === "end";
  }

  /** How many of `buffer`'s bytes from `at` are the frame's: all of them, unless it ends there. */
  scan(buffer: Buffer, at: number): number {
    let position = at;
    while (position < buffer.length && this.#next !== "end") {
      if (this.#next === "block") {
        this.#blockHeader |= (buffer[position] ?? 0) << (8 * (3 - this.#left));
        position++;
        this.#left--;
      } else {
        const step = Math.min(this.#left, buffer.length - position);
        position += step;
        this.#left -= step;
      }
      while (this.#left === 0 && !this.ended) this.#advance();
    }
    return position - at;
  }

  #advance(): void {
    switch (this.#next) {
      case "block":
        this.#isLast = (this.#blockHeader & 1) === 1;
        this.#left = payloadBytes(this.#blockHeader);
        this.#next = "payload";
        return;
      case "payload":
        if (!this.#isLast) {
          this.#blockHeader = 0;
          this.#left = 3;
          this.#next = "block";
          return;
        }
        this.#left = this.#hasChecksum ? 4 : 0;
        this.#next = this.#hasChecksum ? "checksum" : "end";
        return;
      default:
        this.#next = "end";
    }
  }
}

function payloadBytes(blockHeader: number): number {
  const type = (blockHeader >> 1) & 3;
  if (type === 3) throw layerCorrupt("the compressed data has a zstd block of a reserved type");
  // A run-length block stores one byte, whatever size it says.
  return type === 1 ? 1 : blockHeader >> 3;
}

function readSize(buffer: Buffer, at: number, bytes: number): number | undefined {
  switch (bytes) {
    case 0:
      return undefined;
    case 1:
      return buffer[at];
    case 2:
      return buffer.readUInt16LE(at) + 256;
    case 4:
      return buffer.readUInt32LE(at);
    default:
      return Number(buffer.readBigUInt64LE(at));
  }
}

function windowOf(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 7);
}

function checkWindow(bytes: number): void {
  if (bytes <= WINDOW_LIMIT) return;
  throw layerCorrupt(`decoding the layer needs a window of ${formatBytes(bytes)}, 128 MiB is the limit`);
}

import { ByteSource } from "../byte-source.ts";
import type { Content } from "../entry.ts";
import { TarContent } from "./content.ts";
import { quoteName, tarError } from "./errors.ts";
import { applyExtensions, type ExtendedHeader, type PendingHeaders } from "./extensions.ts";
import { BLOCK, decodeHeader, isZeroBlock, type TarHeader } from "./header.ts";
import { parsePax, type PaxRecords } from "./pax.ts";

/** Go, libarchive and we read no longer extended header or long name. */
const SPECIAL_BYTES = 1024 * 1024;

/**
 * One entry as the archive has it: extended headers applied, nothing cleaned and nothing judged. What
 * it says equals what Go's archive/tar says. Strings are `latin1`, one character per byte.
 */
export interface RawEntry extends ExtendedHeader {
  /** Where its last header block is in the archive. */
  readonly offset: number;
  readonly content: Content;
}

const WAIT = Symbol("wait");

/** Reads entries one by one; synchronously as long as the bytes are at hand. */
export class RawTarReader {
  readonly #source: ByteSource;
  /** What extended headers said about the entry to come. */
  #pending: PendingHeaders = {};
  #content: TarContent;
  /** Zeros after the current entry's content. */
  #padding = 0;
  /** How many bytes must be at hand to go on, where `#read` answered WAIT. */
  #needed = 0;

  constructor(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>) {
    this.#source = new ByteSource(chunks);
    this.#content = new TarContent(this.#source, 0);
  }

  /** The next entry, or undefined at the end. Ends the content of the one before, read or not. */
  next(): RawEntry | undefined | Promise<RawEntry | undefined> {
    const entry = this.#read();
    return entry === WAIT ? this.#wait() : entry;
  }

  async close(): Promise<void> {
    this.#content.abandon();
    await this.#source.close();
  }

  async #wait(): Promise<RawEntry | undefined> {
    for (;;) {
      await this.#source.ensure(this.#needed);
      const entry = this.#read();
      if (entry !== WAIT) return entry;
    }
  }

  #read(): RawEntry | undefined | typeof WAIT {
    for (;;) {
      const skipped = this.#skip();
      if (skipped !== true) return skipped;
      const header = this.#header();
      if (header === undefined || header === WAIT) return header;
      if (isExtension(header.type)) {
        const entry = this.#extension(header);
        if (entry !== undefined) return entry;
        continue;
      }
      return this.#entry(header);
    }
  }

  /** Passes what is left of the current entry; true when done, undefined when the archive ends there. */
  #skip(): true | undefined | typeof WAIT {
    const source = this.#source;
    while (this.#content.left > 0) {
      if (this.#content.skip()) continue;
      if (source.ended)
        throw tarError("TAR_TRUNCATED", source.offset, `expected ${this.#content.left} more bytes of content`);
      return this.#need(1);
    }
    while (this.#padding > 0) {
      const taken = source.take(this.#padding);
      if (taken !== undefined) {
        this.#padding -= taken.length;
        continue;
      }
      // Go takes an archive that ends within the padding for complete.
      return source.ended ? undefined : this.#need(1);
    }
    return true;
  }

  #need(count: number): typeof WAIT {
    this.#needed = count;
    return WAIT;
  }

  /** The header block at hand, without passing it; undefined at the end of the archive. */
  #header(): TarHeader | undefined | typeof WAIT {
    const source = this.#source;
    if (source.available < BLOCK) {
      if (!source.ended) return this.#need(BLOCK);
      if (source.available === 0) return undefined;
      throw tarError("TAR_TRUNCATED", source.offset, `expected a header, found ${source.available} bytes`);
    }
    const { buffer, at, offset } = source;
    if (buffer[at] !== 0 || !isZeroBlock(buffer, at)) return decodeHeader(buffer, at, offset);
    if (source.available >= 2 * BLOCK) {
      if (isZeroBlock(buffer, at + BLOCK)) return undefined;
      throw tarError("TAR_INVALID", offset, "expected two blocks of zeros at the end, found one");
    }
    if (!source.ended) return this.#need(2 * BLOCK);
    if (source.available === BLOCK) return undefined;
    throw tarError("TAR_TRUNCATED", offset, "expected two blocks of zeros at the end, found less");
  }

  /** Takes in an extended header; only a global one is an entry, which says nothing about others. */
  #extension(header: TarHeader): RawEntry | undefined | typeof WAIT {
    const { offset } = this.#source;
    const { size, type } = header;
    if (size < 0) throw tarError("TAR_INVALID", offset, `expected the size of an extended header, found ${size}`);
    if (size > SPECIAL_BYTES)
      throw tarError("TAR_LIMIT", offset, `extended header of ${size} bytes, 1 MiB is the limit`);
    if (this.#source.available < BLOCK + size) {
      if (!this.#source.ended) return this.#need(BLOCK + size);
      throw tarError("TAR_TRUNCATED", offset, `expected ${size} bytes of extended header`);
    }
    this.#source.advance(BLOCK);
    const data = this.#source.take(size) ?? Buffer.alloc(0);
    this.#padding = paddingOf(size);
    switch (type) {
      case "x":
        this.#pending.pax = parsePax(data, offset + BLOCK);
        return undefined;
      case "L":
        this.#pending.name = cString(data);
        return undefined;
      case "K":
        this.#pending.linkname = cString(data);
        return undefined;
      default:
        this.#pending = {};
        return this.#global(header, parsePax(data, offset + BLOCK), offset);
    }
  }

  /** Says nothing to us, but is refused where Go would not know what to make of it either. */
  #global(header: TarHeader, pax: PaxRecords, offset: number): RawEntry {
    const { name } = applyExtensions(header, { pax }, offset);
    this.#content = new TarContent(this.#source, 0);
    return { ...header, offset, name, linkname: "", size: 0, mtime: 0n, pax, content: this.#content };
  }

  #entry(header: TarHeader): RawEntry {
    const { offset } = this.#source;
    checkSize(header.type, header.size, offset);
    const entry = applyExtensions(header, this.#pending, offset);
    this.#pending = {};
    if (entry.type === "S")
      throw tarError("TAR_UNSUPPORTED", offset, `${quoteName(entry.name)}: sparse files are not allowed in a layer`);
    checkSize(entry.type, entry.size, offset);
    this.#source.advance(BLOCK);
    const stored = isHeaderOnly(entry.type) ? 0 : entry.size;
    this.#content = new TarContent(this.#source, stored);
    this.#padding = paddingOf(stored);
    return { ...entry, offset, content: this.#content };
  }
}

function isExtension(type: string): boolean {
  return type === "x" || type === "g" || type === "L" || type === "K";
}

/** Links, devices, directories and fifos have no content, whatever size they claim (Go: isHeaderOnlyType). */
function isHeaderOnly(type: string): boolean {
  return type >= "1" && type <= "6";
}

function checkSize(type: string, size: number, offset: number): void {
  if (size >= 0 || isHeaderOnly(type)) return;
  throw tarError("TAR_INVALID", offset, `expected a size, found ${size}`);
}

function paddingOf(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}

function cString(data: Buffer): string {
  const end = data.indexOf(0);
  return data.toString("latin1", 0, end < 0 ? data.length : end);
}

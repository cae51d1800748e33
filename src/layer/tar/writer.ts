import { AppError } from "../../base/errors.ts";
import { BlockPool } from "../block-pool.ts";
import type { Entries, FileEntry } from "../entry.ts";
import { BlockFiller } from "./block-filler.ts";
import { quoteName } from "./errors.ts";
import { writeHeaders } from "./write-headers.ts";

export interface TarWriteOptions {
  /** Times after this one, in nanoseconds since the epoch, become this one (SOURCE_DATE_EPOCH). Default none. */
  readonly clampMtime?: bigint | undefined;
  /**
   * Drops fractions of seconds, as Docker, BuildKit and buildah do: keeping them costs 1 KiB an
   * entry. Default false: times are written as they are.
   */
  readonly wholeSeconds?: boolean | undefined;
  /** Where blocks come from; a multiple of 512 long. Default: fresh ones of 1 MiB. */
  readonly pool?: BlockPool | undefined;
}

export const TAR_BLOCK_BYTES = 1024 * 1024;

/**
 * Writes entries as a tar, byte for byte as Go's archive/tar would: ustar where an entry fits it, PAX
 * where not; no user or group names; two blocks of zeros at the end.
 *
 * All blocks but the last have the pool's length. Each belongs to the consumer, who may give it back
 * to the pool. Content that is shorter or longer than its entry says: `LAYER_CONTENT_CHANGED`.
 */
export async function* tarBlocks(
  entries: Entries,
  options: TarWriteOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const out = new BlockFiller(options.pool ?? new BlockPool(TAR_BLOCK_BYTES));
  for await (const entry of entries) {
    writeHeaders(out, entry, options);
    if (entry.type === "file") {
      let left = entry.size;
      try {
        for (;;) {
          // Awaiting the content of every small file would cost more than writing it.
          const next = entry.content.next();
          const bytes = next instanceof Promise ? await next : next;
          if (bytes === undefined) break;
          left -= bytes.length;
          if (left < 0) throw contentChanged(entry, "more");
          out.append(bytes);
          while (out.full > 0) yield out.shift();
        }
        if (left > 0) throw contentChanged(entry, `${entry.size - left}`);
      } finally {
        entry.content.close();
      }
      out.pad();
    }
    while (out.full > 0) yield out.shift();
  }
  out.zeros(1024);
  yield* out.rest();
}

function contentChanged(entry: FileEntry, found: string): AppError {
  return new AppError(
    "LAYER_CONTENT_CHANGED",
    `${quoteName(entry.path)} changed while it was read: expected ${entry.size} bytes, found ${found}`,
    { hint: "Run the build again when nothing writes to the file.", retryable: true },
  );
}

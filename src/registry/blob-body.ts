import type { RequestBody } from "./http/transport.ts";
import type { BlobSource, OnProgress } from "./types.ts";

/** The bytes of a source as a request's body. */
export interface BlobBody extends RequestBody {
  /** Lets go of what was opened and never sent. */
  close(): Promise<void>;
}

type Chunks = AsyncIterator<Uint8Array> | Iterator<Uint8Array>;

/** Opens the source as far as its first bytes; these serve the first request, later ones open it anew. */
export async function openBody(push: {
  readonly source: BlobSource;
  readonly onProgress: OnProgress | undefined;
}): Promise<BlobBody> {
  const { source, onProgress } = push;
  const chunks = iterate(source);
  const first = await chunks.next();
  let isFresh = true;
  let sent = 0;
  return {
    size: source.size,
    open: () => {
      sent = 0;
      onProgress?.(0);
      if (!isFresh) return source.open();
      isFresh = false;
      return from(first, chunks);
    },
    onSent: (bytes) => {
      sent += bytes;
      onProgress?.(sent);
    },
    close: async () => {
      if (isFresh) await chunks.return?.();
    },
  };
}

function iterate(source: BlobSource): Chunks {
  const opened = source.open();
  return Symbol.asyncIterator in opened ? opened[Symbol.asyncIterator]() : opened[Symbol.iterator]();
}

async function* from(first: IteratorResult<Uint8Array>, rest: Chunks): AsyncGenerator<Uint8Array> {
  try {
    for (let next = first; next.done !== true; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}

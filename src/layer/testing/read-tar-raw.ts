import { RawTarReader, type RawEntry } from "../tar/raw-reader.ts";

/** Lists an archive as it is; `readTar` gives what a layer means. */
export async function* readTarRaw(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<RawEntry, void, undefined> {
  const reader = new RawTarReader(chunks);
  try {
    for (;;) {
      const step = reader.next();
      const entry = step instanceof Promise ? await step : step;
      if (entry === undefined) return;
      yield entry;
    }
  } finally {
    await reader.close();
  }
}

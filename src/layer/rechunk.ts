/**
 * The same bytes in chunks of `bytes` each, the last one shorter. Chunks that fit are passed on as
 * they are, so that a compressor's output depends on the bytes alone, at no cost where they come right.
 */
export async function* rechunk(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  bytes: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let carry: Buffer | undefined;
  let filled = 0;
  for await (let chunk of chunks) {
    while (chunk.length > 0) {
      if (carry === undefined && chunk.length >= bytes) {
        yield chunk.subarray(0, bytes);
        chunk = chunk.subarray(bytes);
        continue;
      }
      carry ??= Buffer.allocUnsafeSlow(bytes);
      const step = Math.min(bytes - filled, chunk.length);
      carry.set(chunk.subarray(0, step), filled);
      filled += step;
      chunk = chunk.subarray(step);
      if (filled < bytes) continue;
      yield carry;
      carry = undefined;
      filled = 0;
    }
  }
  if (carry !== undefined) yield carry.subarray(0, filled);
}

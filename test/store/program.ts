import { AppError } from "../../src/base/errors.ts";
import { digestOf } from "../../src/oci/digest.ts";
import { openStore } from "../../src/store/store.ts";

/**
 * A build as the store sees it, for tests that kill it: `program.ts ROOT [COUNT] [SIZE]` writes blobs
 * and records of them, reads them back and prints what it found as one line of JSON.
 */
const [root = "", count = "4", size = "100000"] = process.argv.slice(2);
const notes: string[] = [];
try {
  print(await build(root, Number(count), Number(size)));
} catch (error) {
  if (!(error instanceof AppError)) throw error;
  print({ code: error.code, message: error.message, notes });
  process.exitCode = 1;
}

async function build(path: string, blobCount: number, blobSize: number): Promise<unknown> {
  const store = openStore(path, { onNote: (code) => notes.push(code) });
  const session = store.session();
  try {
    const layers = store.records.table<string>("layers");
    const digests: string[] = [];
    let cached = 0;
    for (let i = 0; i < blobCount; i++) {
      const bytes = Buffer.alloc(blobSize, `blob ${i}`);
      const digest = digestOf(bytes);
      if (layers.get(String(i)) === digest && store.blobs.has(digest, blobSize)) cached++;
      const writer = store.blobs.writer(session);
      writer.write(bytes);
      if (i % 2 === 0) writer.commit({ digest, size: blobSize });
      else await writer.commitAsync({ digest, size: blobSize }, new AbortController().signal);
      layers.put(String(i), digest);
      if (store.blobs.verify(digest) === "good") digests.push(digest);
    }
    return { digests, cached, records: layers.entries().length, notes };
  } finally {
    store.close();
    await session.close();
  }
}

function print(outcome: unknown): void {
  process.stdout.write(`${JSON.stringify(outcome)}\n`);
}

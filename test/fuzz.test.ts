import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";
import type { FuzzResult, FuzzTask } from "./fuzz/worker.ts";

const enabled = Boolean(process.env["MANYARCH_TEST_ALL"]);
const SECONDS = Number(process.env["MANYARCH_FUZZ_SECONDS"] || "15");
/** A thread that is this long at one input does not come back. */
const HANG_MS = 20_000;

test.skipIf(!enabled)(
  "Dockerfiles, words and ignore files of any kind are read, or refused at their position, soon",
  async () => {
    const result = await fuzz(SECONDS * 1000, Number(process.env["MANYARCH_FUZZ_SEED"] || Date.now() % 2 ** 31));
    expect("failure" in result ? result.failure : "").toBe("");
    if ("runs" in result) {
      console.info(`${result.runs} inputs in ${SECONDS} s`);
      expect(result.runs).toBeGreaterThan(SECONDS * 20);
    }
  },
  SECONDS * 1000 + 120_000,
);

/** Runs in a thread of its own, as a loop without end cannot be seen from within. */
async function fuzz(milliseconds: number, seed: number): Promise<FuzzResult> {
  const task: FuzzTask = {
    milliseconds,
    seed,
    progress: new Int32Array(new SharedArrayBuffer(4)),
    input: new Uint8Array(new SharedArrayBuffer(1 << 20)),
  };
  const worker = new Worker(new URL("fuzz/worker.ts", import.meta.url), { workerData: task });
  let watch: NodeJS.Timeout | undefined;
  try {
    return await new Promise((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
      worker.once("exit", (code) => reject(new Error(`the thread ended with ${code}, seed ${seed}`)));
      let last = -1;
      watch = setInterval(() => {
        const now = Atomics.load(task.progress, 0);
        if (now === last) resolve({ failure: `does not end, seed ${seed}: ${JSON.stringify(inputOf(task))}` });
        last = now;
      }, HANG_MS);
    });
  } finally {
    clearInterval(watch);
    await worker.terminate();
  }
}

function inputOf({ input }: FuzzTask): string {
  const length = new DataView(input.buffer).getUint32(0);
  return Buffer.from(input.slice(4, 4 + length)).toString("utf16le");
}

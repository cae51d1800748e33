import { createInterface } from "node:readline";
import { AppError } from "../../src/base/errors.ts";
import type { RungChoice } from "../../src/sandbox/rung.ts";
import { openStore } from "../../src/store/store.ts";
import type { WorkerRequest } from "../../src/worker/protocol.ts";
import { spawnWorker } from "../../src/worker/spawn.ts";

/**
 * A control process for tests: `control-program.ts STORE [RUNG-CHOICE]`. It reads requests, or `{cancel}` of one, as lines
 * of JSON and writes what comes of them; at the end of its input it closes worker and store.
 */
export type ControlLine = { readonly id: number; readonly request: WorkerRequest } | { readonly cancel: number };

export type AnswerLine =
  | { readonly worker: { readonly rung: string; readonly runtime: string | null } }
  | { readonly id: number; readonly output: string; readonly stream: "stdout" | "stderr" }
  | { readonly id: number; readonly ok: unknown }
  | {
      readonly id: number;
      readonly error: {
        readonly code: string;
        readonly message: string;
        readonly hint?: string | undefined;
        readonly exitCode?: unknown;
      };
    }
  | { readonly note: string };

const [root = "", sandbox = "{}"] = process.argv.slice(2);
const say = (line: AnswerLine): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

const store = openStore(root);
const worker = await spawnWorker({
  root,
  env: process.env,
  signal: new AbortController().signal,
  sandbox: JSON.parse(sandbox) as RungChoice,
  onNote: (code, message) => say({ note: `${code}: ${message}` }),
});
say({ worker: { rung: worker.rung, runtime: worker.runtime } });

const stops = new Map<number, AbortController>();
const lines = createInterface({ input: process.stdin });
lines.on("line", (text) => {
  const line = JSON.parse(text) as ControlLine;
  if ("cancel" in line) return stops.get(line.cancel)?.abort(new AppError("INTERRUPTED", "cancelled by the test"));
  const stop = new AbortController();
  stops.set(line.id, stop);
  void perform(line.id, line.request, stop.signal);
});
lines.on("close", () => {
  void worker.close().then(() => store.close());
});

async function perform(id: number, request: WorkerRequest, signal: AbortSignal): Promise<void> {
  try {
    const onOutput = (stream: "stdout" | "stderr", data: Uint8Array): void =>
      say({ id, stream, output: Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("latin1") });
    say({ id, ok: await worker.request(request, { signal, onOutput }) });
  } catch (error) {
    const {
      code = "UNKNOWN",
      hint,
      exitCode,
    } = error as { readonly code?: string; readonly hint?: string; readonly exitCode?: unknown };
    say({ id, error: { code, message: String((error as Error).message), hint, exitCode } });
  }
}

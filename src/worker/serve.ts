import type { Socket } from "node:net";
import { AppError } from "../base/errors.ts";
import { Channel } from "./channel.ts";
import type { Call, WorkerContext } from "./context.ts";
import type { ControlMessage, WorkerMessage, WorkerRequest, WorkerResults } from "./protocol.ts";
import { toWire, withDisk } from "./wire-error.ts";

type Op = WorkerRequest["op"];
type RequestOf<K extends Op> = Extract<WorkerRequest, { readonly op: K }>;
type Serve<K extends Op> = (request: RequestOf<K>, context: WorkerContext, call: Call) => Promise<WorkerResults[K]>;

/** Loaded when first asked for, or after the worker has said that it is ready. */
const OPERATIONS: { readonly [K in Op]: () => Promise<{ readonly serve: Serve<K> }> } = {
  extract: () => import("./ops/extract.ts"),
  index: () => import("./ops/index.ts"),
  select: () => import("./ops/select.ts"),
  machines: () => import("./ops/check-machines.ts"),
  copy: () => import("./ops/copy.ts"),
  mkdir: () => import("./ops/make-directory.ts"),
  run: () => import("./ops/run.ts"),
  pack: () => import("./ops/pack.ts"),
  repack: () => import("./ops/repack.ts"),
  export: () => import("./ops/export.ts"),
};

/** Loads what nobody has asked for yet, so that it is there when somebody does. */
export async function loadOperations(): Promise<void> {
  for (const load of Object.values(OPERATIONS)) await load();
}

export interface Server {
  readonly channel: Channel<ControlMessage, WorkerMessage>;
  /** To be called once the context is there. */
  begin(context: WorkerContext): void;
}

/** The worker's end of the channel: serves requests, any number at a time, until control goes. */
export function openServer(socket: Socket, onEnd: () => void): Server {
  const running = new Map<number, AbortController>();
  let begin: (context: WorkerContext) => void = () => {};
  const context = new Promise<WorkerContext>((resolve) => (begin = resolve));
  const channel: Channel<ControlMessage, WorkerMessage> = new Channel(
    socket,
    (message) => {
      if ("cancel" in message) {
        running.get(message.cancel)?.abort(new AppError("CANCELLED", "the request was cancelled"));
        return;
      }
      const stop = new AbortController();
      running.set(message.id, stop);
      void answer(message.id, message.request, context, channel, stop.signal).finally(() => running.delete(message.id));
    },
    onEnd,
  );
  return { channel, begin };
}

async function answer(
  id: number,
  request: WorkerRequest,
  context: Promise<WorkerContext>,
  channel: Channel<ControlMessage, WorkerMessage>,
  signal: AbortSignal,
): Promise<void> {
  const onOutput: Call["onOutput"] = (stream, data) => channel.send({ id, output: { stream, data: base64(data) } });
  try {
    const ok = await perform(request, await context, { signal, onOutput });
    await channel.send({ id, ok });
  } catch (error) {
    const { store } = await context;
    await channel.send({ id, error: toWire(withDisk(error, store.root)) });
  }
}

async function perform<K extends Op>(
  request: RequestOf<K>,
  context: WorkerContext,
  call: Call,
): Promise<WorkerResults[K]> {
  const { serve } = await OPERATIONS[request.op as K]();
  call.signal.throwIfAborted();
  return serve(request, context, call);
}

function base64(data: Uint8Array): string {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64");
}

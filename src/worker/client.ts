import type { Socket } from "node:net";
import { AppError } from "../base/errors.ts";
import { Channel } from "./channel.ts";
import type { ControlMessage, WorkerMessage, WorkerRequest, WorkerResults } from "./protocol.ts";
import { fromWire } from "./wire-error.ts";

export interface RequestOptions {
  readonly signal: AbortSignal;
  /** Takes the output of a RUN, in order of arrival. */
  readonly onOutput?: ((stream: "stdout" | "stderr", data: Uint8Array) => void) | undefined;
}

interface Pending {
  readonly resolve: (result: unknown) => void;
  readonly reject: (reason: unknown) => void;
  readonly options: RequestOptions;
}

type Ready = Extract<WorkerMessage, { readonly ready: unknown }>["ready"];

/** The control process's end of a worker: matches answers to requests. */
export class WorkerClient {
  readonly #channel: Channel<WorkerMessage, ControlMessage>;
  readonly #pending = new Map<number, Pending>();
  readonly #onNote: (code: string, message: string) => void;
  readonly #onReady: (ready: Ready) => void;
  readonly #outputRoom: () => Promise<void> | undefined;
  #ended: AppError | undefined;
  #count = 0;

  /** `explainEnd` says why the worker went, when it went by itself. */
  constructor(
    socket: Socket,
    handlers: {
      readonly onReady: (ready: Ready) => void;
      readonly onNote: (code: string, message: string) => void;
      readonly outputRoom: () => Promise<void> | undefined;
      readonly explainEnd: () => Promise<AppError>;
    },
  ) {
    this.#onReady = handlers.onReady;
    this.#outputRoom = handlers.outputRoom;
    this.#onNote = handlers.onNote;
    this.#channel = new Channel<WorkerMessage, ControlMessage>(
      socket,
      (message) => this.#receive(message),
      () => {
        if (this.#ended === undefined) void handlers.explainEnd().then((error) => this.#end(error));
      },
    );
  }

  /** See {@link Worker.request}. */
  async request<R extends WorkerRequest>(request: R, options: RequestOptions): Promise<WorkerResults[R["op"]]> {
    options.signal.throwIfAborted();
    if (this.#ended !== undefined) throw this.#ended;
    const id = this.#count++;
    const answer = new Promise<unknown>((resolve, reject) => this.#pending.set(id, { resolve, reject, options }));
    this.#channel.hold(true);
    const cancel = (): void => void this.#channel.send({ cancel: id });
    options.signal.addEventListener("abort", cancel, { once: true });
    try {
      void this.#channel.send({ id, request });
      return (await answer) as WorkerResults[R["op"]];
    } catch (error) {
      // It answers a cancelled request when nothing of it is left, whatever it was that ended it.
      throw options.signal.aborted ? options.signal.reason : error;
    } finally {
      options.signal.removeEventListener("abort", cancel);
      this.#pending.delete(id);
      if (this.#pending.size === 0) this.#channel.hold(false);
    }
  }

  /** Nothing more is asked; what was not answered fails. */
  close(): void {
    this.#end(new AppError("WORKER_CLOSED", "the worker was closed while it was at work"));
    this.#channel.close();
  }

  #receive(message: WorkerMessage): void {
    if ("ready" in message) {
      this.#channel.hold(this.#pending.size > 0);
      return this.#onReady(message.ready);
    }
    if ("note" in message) return this.#onNote(message.note.code, message.note.message);
    const pending = this.#pending.get(message.id);
    if (pending === undefined) return;
    if ("output" in message) {
      pending.options.onOutput?.(message.output.stream, Buffer.from(message.output.data, "base64"));
      return this.#channel.waitFor(this.#outputRoom());
    }
    if ("error" in message) return pending.reject(fromWire(message.error));
    pending.resolve(message.ok);
  }

  #end(error: AppError): void {
    this.#ended ??= error;
    for (const { reject } of this.#pending.values()) reject(this.#ended);
  }
}

import type { Socket } from "node:net";
import { AppError, messageOf } from "../base/errors.ts";
import { drained } from "./drained.ts";

/** The longest message is a COPY's with its ignore patterns; whatever is longer than this is no message. */
const MAX_LINE = 64 * 1024 * 1024;
const NEWLINE = 0x0a;

/** One end of the connection between control and worker: a JSON document a line. */
export class Channel<In, Out> {
  readonly #socket: Socket;

  /** `onEnd` is called once, when nothing more can come, with the reason where there is one. */
  constructor(socket: Socket, onMessage: (message: In) => void, onEnd: (error: Error | undefined) => void) {
    this.#socket = socket;
    // Each request that waits for room listens.
    socket.setMaxListeners(0);
    const lines = new LineReader((line) => onMessage(JSON.parse(line) as In));
    socket.on("data", (chunk: Buffer) => {
      try {
        lines.push(chunk);
      } catch (error) {
        socket.destroy(
          new AppError("WORKER_PROTOCOL", `a message between control and worker cannot be read: ${messageOf(error)}`, {
            cause: error,
          }),
        );
      }
    });
    let failure: Error | undefined;
    socket.on("error", (error) => (failure = error));
    socket.on("close", () => onEnd(failure));
  }

  /** Answers with a promise where the other end is slower than we are: whoever has much to say should await it. */
  send(message: Out): void | Promise<void> {
    if (this.#socket.destroyed || this.#socket.write(`${JSON.stringify(message)}\n`)) return undefined;
    return drained(this.#socket);
  }

  /** Reads nothing more, beyond what has come already, until `room` is settled; the other end is held up by that. */
  waitFor(room: Promise<void> | undefined): void {
    if (room === undefined) return;
    this.#socket.pause();
    void room.finally(() => this.#socket.resume());
  }

  /** Whether an open connection keeps the event loop going. */
  hold(held: boolean): void {
    if (held) this.#socket.ref();
    else this.#socket.unref();
  }

  close(): void {
    this.#socket.destroy();
  }
}

/** Puts lines together from chunks that are cut anywhere. */
class LineReader {
  readonly #onLine: (line: string) => void;
  #parts: Buffer[] = [];
  #length = 0;

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  push(chunk: Buffer): void {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      const rest = chunk.subarray(start, end);
      const line = this.#parts.length === 0 ? rest : Buffer.concat([...this.#parts, rest]);
      this.#parts = [];
      this.#length = 0;
      start = end + 1;
      this.#onLine(line.toString("utf8"));
    }
    if (start === chunk.length) return;
    this.#parts.push(chunk.subarray(start));
    this.#length += chunk.length - start;
    if (this.#length > MAX_LINE) throw new Error(`expected a line of at most ${MAX_LINE} bytes`);
  }
}

import { createServer, type Server, type Socket } from "node:net";
import type { AddressInfo } from "node:net";

/**
 * Where a RUN waits: a port that answers `go` once the gate is open, and nothing while it is closed. The
 * same command is so in the middle of its work for as long as a test wants, and soon done the next time.
 */
export class Gate implements AsyncDisposable {
  readonly #server: Server;
  readonly #waiting = new Set<Socket>();
  #open = false;
  #onArrival: () => void = () => {};

  private constructor(server: Server) {
    this.#server = server;
    server.on("connection", (socket) => {
      socket.on("error", () => {});
      socket.on("close", () => this.#waiting.delete(socket));
      this.#waiting.add(socket);
      if (this.#open) socket.end("go\n");
      this.#onArrival();
    });
  }

  static async start(): Promise<Gate> {
    const server = createServer({ allowHalfOpen: true });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new Gate(server);
  }

  /** For busybox's shell: waits at the gate. */
  get command(): string {
    return `nc 127.0.0.1 ${(this.#server.address() as AddressInfo).port} < /dev/null`;
  }

  /** Resolves when somebody comes to the gate, which is closed from now on. */
  close(): Promise<void> {
    this.#open = false;
    return new Promise((resolve) => (this.#onArrival = resolve));
  }

  open(): void {
    this.#open = true;
    for (const socket of this.#waiting) socket.end("go\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#waiting) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Registry } from "../bed/registry.ts";

/** Stands before a registry and can keep a request waiting, its body unread, for as long as a test wants. */
export class SlowRegistry implements AsyncDisposable {
  readonly #server: Server;
  readonly #target: Registry;
  #stopAt: (method: string, path: string) => boolean = () => false;
  #onStop: () => void = () => {};

  private constructor(server: Server, target: Registry) {
    this.#server = server;
    this.#target = target;
    server.on("request", (message: IncomingMessage, answer: ServerResponse) => {
      message.on("error", () => {});
      answer.on("error", () => {});
      if (this.#stopAt(message.method ?? "", message.url ?? "")) this.#onStop();
      else this.#pass(message, answer);
    });
  }

  static async before(target: Registry): Promise<SlowRegistry> {
    const server = createServer({ requestTimeout: 0 });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new SlowRegistry(server, target);
  }

  get host(): string {
    return `localhost:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Resolves when a request that `matches` has come; it and all like it stay unanswered until {@link goOn}. */
  stopAt(matches: (method: string, path: string) => boolean): Promise<void> {
    this.#stopAt = matches;
    return new Promise((resolve) => (this.#onStop = resolve));
  }

  /** Passes on whatever comes from now on. What was kept waiting stays so: its sender is gone. */
  goOn(): void {
    this.#stopAt = () => false;
  }

  #pass(message: IncomingMessage, answer: ServerResponse): void {
    const { method, url, headers } = message;
    const onward = request({ host: "127.0.0.1", port: this.#target.port, method, path: url, headers }, (reply) => {
      answer.writeHead(reply.statusCode ?? 502, reply.headers);
      reply.pipe(answer);
    });
    onward.on("error", () => answer.destroy());
    answer.on("close", () => onward.destroy());
    message.pipe(onward);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

import { createHash } from "node:crypto";
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What an address answers with. */
export interface Served {
  readonly body: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
  /** Without ETag or Last-Modified to ask by. */
  readonly anonymous?: boolean;
  /** `Authorization` that is needed. */
  readonly authorization?: string;
  /** Answers that come before the right one. */
  readonly faults?: readonly Fault[];
}

/** A status, or a body that ends early. */
export type Fault = number | "truncated";

export interface Asked {
  readonly path: string;
  readonly status: number;
}

/** A server of files on loopback whose answers can be made to go wrong. */
export class FileServer implements AsyncDisposable {
  readonly url: string;
  readonly asked: Asked[] = [];
  readonly #server: Server;
  readonly #files = new Map<string, Served & { left: Fault[] }>();

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  static async start(): Promise<FileServer> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const files = new FileServer(server);
    server.on("request", (request, response) => files.#answer(request, response));
    return files;
  }

  serve(path: string, served: string | Buffer | Served): void {
    const file = typeof served === "string" || Buffer.isBuffer(served) ? { body: served } : served;
    this.#files.set(path, { ...file, left: [...(file.faults ?? [])] });
  }

  /** The statuses that a path was answered with since the last time. */
  statuses(path: string): readonly number[] {
    const found = this.asked.filter((one) => one.path === path).map(({ status }) => status);
    this.asked.splice(0, this.asked.length, ...this.asked.filter((one) => one.path !== path));
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const path = request.url ?? "";
    const end = (status: number, headers: Readonly<Record<string, string>> = {}, body?: string | Buffer): void => {
      this.asked.push({ path, status });
      response.writeHead(status, headers).end(body);
    };
    const file = this.#files.get(path);
    if (file === undefined) return end(404);
    if (file.headers?.["location"] !== undefined) return end(302, file.headers);
    if (file.authorization !== undefined && request.headers.authorization !== file.authorization) return end(401);
    const fault = file.left.shift();
    if (fault === "truncated") return this.#breakOff(response, file, path);
    if (fault !== undefined) return end(fault);
    const etag = `"${createHash("sha256").update(file.body).digest("hex").slice(0, 12)}"`;
    if (file.anonymous !== true && request.headers["if-none-match"] === etag) return end(304);
    end(200, { ...(file.anonymous === true ? {} : { etag }), ...file.headers }, file.body);
  }

  #breakOff(response: ServerResponse, { body }: Served, path: string): void {
    this.asked.push({ path, status: 200 });
    response.writeHead(200, { "content-length": String(body.length) });
    response.write(body.slice(0, 3), () => response.destroy());
  }
}

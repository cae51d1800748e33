import { createHash, randomUUID } from "node:crypto";
import { createServer } from "node:http";
import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";

/** A request as it arrived. */
export interface Seen {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

export interface FaultContext {
  readonly seen: Seen;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Serves the request as if there were no fault. */
  proceed(): void;
}

export interface FaultOptions {
  /** How many requests it meets. Default 1. */
  readonly times?: number;
  /** Acts when the head of the request is there, before its body is read. Default false. */
  readonly early?: boolean;
}

type Act = (context: FaultContext) => void | Promise<void>;

interface Fault {
  readonly method: string;
  readonly path: RegExp;
  readonly act: Act;
  readonly isEarly: boolean;
  left: number;
}

interface Manifest {
  readonly bytes: Buffer;
  readonly mediaType: string;
}

/** How tokens or passwords are asked for. Absent: everybody may do everything. */
export type Guard = (seen: Seen, response: ServerResponse) => boolean;

/**
 * A registry in memory, with faults put before it: enough of the protocol to push, pull and mount,
 * and a record of everything it was sent.
 */
export class FakeRegistry {
  readonly blobs = new Map<string, Buffer>();
  readonly manifests = new Map<string, Manifest>();
  readonly seen: Seen[] = [];
  /** `repository@digest`: what the repository may show. */
  readonly links = new Set<string>();
  guard: Guard | undefined;
  readonly #server: Server;
  readonly #faults: Fault[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #scheme: string;

  private constructor(tls: { key: string; cert: string } | undefined) {
    const listener: RequestListener = (request, response) => void this.#handle(request, response);
    this.#scheme = tls === undefined ? "http" : "https";
    this.#server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
    this.#server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => undefined);
      socket.once("close", () => this.#sockets.delete(socket));
    });
  }

  static async start(tls?: { key: string; cert: string }): Promise<FakeRegistry> {
    const registry = new FakeRegistry(tls);
    await new Promise<void>((resolve) => registry.#server.listen(0, "127.0.0.1", resolve));
    return registry;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** `127.0.0.1:PORT` */
  get host(): string {
    return `127.0.0.1:${this.port}`;
  }

  get origin(): string {
    return `${this.#scheme}://${this.host}`;
  }

  /** Connections that are open now. */
  get connections(): number {
    return this.#sockets.size;
  }

  /** The next requests that fit are handled by `act` instead. */
  fault(method: string, path: RegExp, act: Act, { times = 1, early = false }: FaultOptions = {}): void {
    this.#faults.push({ method, path, act, isEarly: early, left: times });
  }

  putBlob(repository: string, bytes: Buffer): string {
    const digest = sha256(bytes);
    this.blobs.set(digest, bytes);
    this.links.add(`${repository}@${digest}`);
    return digest;
  }

  putManifest(repository: string, tag: string, bytes: Buffer, mediaType: string): string {
    const digest = sha256(bytes);
    for (const name of [tag, digest]) this.manifests.set(`${repository}:${name}`, { bytes, mediaType });
    return digest;
  }

  dropConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  requests(method: string): string[] {
    return this.seen.filter((seen) => seen.method === method).map((seen) => seen.url);
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.dropConnections();
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "", url = "", headers } = request;
    const fault = this.#faults.find(
      (candidate) => candidate.left > 0 && candidate.method === method && candidate.path.test(url),
    );
    if (fault !== undefined) fault.left--;
    const chunks: Buffer[] = [];
    const seen: Seen = {
      method,
      url,
      headers,
      get body() {
        return Buffer.concat(chunks);
      },
    };
    this.seen.push(seen);
    request.on("error", () => undefined);
    const proceed = (): void => {
      if (response.destroyed) return;
      if (this.guard === undefined || this.guard(seen, response)) this.#serve(seen, response);
    };
    const context = { seen, request, response, proceed };
    if (fault?.isEarly === true) return void (await fault.act(context));
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer);
    } catch {
      return;
    }
    if (fault === undefined) proceed();
    else await fault.act(context);
  }

  #serve(seen: Seen, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(seen.url, this.origin);
    const match = /^\/v2\/(.+?)\/(blobs|manifests)\/(.*)$/.exec(pathname);
    if (match === null) return fail(response, 404, "NAME_UNKNOWN");
    const [, repository = "", kind, rest = ""] = match;
    if (kind === "manifests") return this.#manifest(seen, response, repository, rest);
    if (!rest.startsWith("uploads/")) return this.#blob(seen, response, repository, rest);
    if (seen.method === "POST") return this.#startUpload(response, repository, searchParams);
    if (seen.method === "DELETE") return void response.writeHead(204).end();
    return this.#finishUpload(seen, response, repository, searchParams);
  }

  #manifest(seen: Seen, response: ServerResponse, repository: string, name: string): void {
    if (seen.method === "PUT") {
      const digest = sha256(seen.body);
      this.putManifest(repository, name, seen.body, seen.headers["content-type"] ?? "");
      response
        .writeHead(201, { "docker-content-digest": digest, location: `/v2/${repository}/manifests/${digest}` })
        .end();
      return;
    }
    const manifest = this.manifests.get(`${repository}:${name}`);
    if (manifest === undefined) return fail(response, 404, "MANIFEST_UNKNOWN");
    response.writeHead(200, {
      "content-type": manifest.mediaType,
      "content-length": manifest.bytes.length,
      "docker-content-digest": sha256(manifest.bytes),
    });
    response.end(seen.method === "HEAD" ? undefined : manifest.bytes);
  }

  #blob(seen: Seen, response: ServerResponse, repository: string, digest: string): void {
    const blob = this.links.has(`${repository}@${digest}`) ? this.blobs.get(digest) : undefined;
    if (blob === undefined) return fail(response, 404, "BLOB_UNKNOWN");
    const from = Number(/^bytes=(\d+)-$/.exec(seen.headers.range ?? "")?.[1] ?? -1);
    if (from >= 0) {
      response.writeHead(206, {
        "content-length": blob.length - from,
        "content-range": `bytes ${from}-${blob.length - 1}/${blob.length}`,
      });
      response.end(blob.subarray(from));
      return;
    }
    response.writeHead(200, { "content-length": blob.length });
    response.end(seen.method === "HEAD" ? undefined : blob);
  }

  #startUpload(response: ServerResponse, repository: string, query: URLSearchParams): void {
    const mount = query.get("mount");
    if (mount !== null && this.links.has(`${query.get("from")}@${mount}`)) {
      this.links.add(`${repository}@${mount}`);
      response.writeHead(201, { location: `/v2/${repository}/blobs/${mount}` }).end();
      return;
    }
    response.writeHead(202, { location: `/v2/${repository}/blobs/uploads/${randomUUID()}?_state=a%2Fb%3D` }).end();
  }

  #finishUpload(seen: Seen, response: ServerResponse, repository: string, query: URLSearchParams): void {
    const digest = sha256(seen.body);
    if (digest !== query.get("digest")) return fail(response, 400, "DIGEST_INVALID");
    this.putBlob(repository, seen.body);
    response.writeHead(201, { "docker-content-digest": digest, location: `/v2/${repository}/blobs/${digest}` }).end();
  }
}

export function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** An error document as the specification has it. */
export function fail(
  response: ServerResponse,
  status: number,
  code: string,
  headers: Record<string, string> = {},
): void {
  const body = JSON.stringify({ errors: [{ code, message: `${code.toLowerCase()} said the fake` }] });
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(body);
}

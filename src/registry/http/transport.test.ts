import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { createServer as createProxyServer, get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { OCI_MANIFEST } from "../../oci/media-type.ts";
import { FakeRegistry } from "../testing/fake-registry.ts";
import {
  createTestClient,
  failureOf,
  manifestOf,
  never,
  repositoryAt,
  someBytes,
  sourceOf,
} from "../testing/test-client.ts";

const MANIFEST = manifestOf();

let folder: string;
let tls: { key: string; cert: string };
/** Trusts its certificate. */
let trusting: { readonly SSL_CERT_FILE: string };

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "manyarch-tls-"));
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const subject = ["-subj", "/CN=fake", "-addext", "subjectAltName=IP:127.0.0.1,DNS:registry.test"];
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  execFileSync("openssl", ["req", "-x509", ...curve, "-days", "2", ...subject, "-keyout", key, "-out", cert], {
    stdio: "pipe",
  });
  trusting = { SSL_CERT_FILE: cert };
  tls = { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") };
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function tlsRegistry(): Promise<FakeRegistry> {
  const registry = await FakeRegistry.start(tls);
  registry.putManifest("team/app", "v1", MANIFEST, OCI_MANIFEST);
  return registry;
}

function at(host: string): { domain: string; path: string; tag: string } {
  return { ...repositoryAt(host), tag: "v1" };
}

test("connections are kept and used again", async () => {
  await using registry = await FakeRegistry.start();
  registry.putManifest("team/app", "v1", MANIFEST, OCI_MANIFEST);
  using client = createTestClient();
  for (let i = 0; i < 5; i++) await client.resolve(at(registry.host), never);
  await failureOf(client.resolve({ ...at(registry.host), tag: "nope" }, never));
  expect(registry.connections).toBe(1);
});

test("a kept connection that the server closes under a request costs nothing but a new one", async () => {
  await using registry = await FakeRegistry.start();
  registry.putManifest("team/app", "v1", MANIFEST, OCI_MANIFEST);
  using client = createTestClient({ retry: { attempts: 1 } });
  await client.resolve(at(registry.host), never);
  registry.fault("HEAD", /v1/, () => registry.dropConnections());
  expect((await client.resolve(at(registry.host), never)).size).toBe(MANIFEST.length);
});

test("a loopback registry that speaks TLS is found out; SSL_CERT_FILE is trusted beside the others", async () => {
  await using registry = await tlsRegistry();
  using client = createTestClient({ env: trusting });
  expect((await client.resolve(at(registry.host), never)).size).toBe(MANIFEST.length);
  await client.getManifest(at(registry.host), never);
});

test("a certificate that nobody vouches for is refused, at once", async () => {
  await using registry = await tlsRegistry();
  using client = createTestClient();
  const error = await failureOf(client.resolve(at(registry.host), never));
  expect(error.code).toBe("REGISTRY_TLS");
  expect(error.hint).toContain("SSL_CERT_FILE");
  expect(client.clock.slept).toEqual([]);
});

test("a certificate of another host is refused", async () => {
  await using registry = await tlsRegistry();
  using client = createTestClient({ env: trusting });
  const error = await failureOf(client.resolve(at(`localhost:${registry.port}`), never));
  expect(error.code).toBe("REGISTRY_TLS");
});

test("an SSL_CERT_FILE that cannot be read, and one of no certificates, are told", async () => {
  await using registry = await tlsRegistry();
  for (const SSL_CERT_FILE of ["/nowhere.pem", join(folder, "key.pem")]) {
    using client = createTestClient({ env: { SSL_CERT_FILE } });
    expect((await failureOf(client.resolve(at(registry.host), never))).code).toBe("REGISTRY_TLS");
  }
});

test("https is not given up for http where http was not allowed", async () => {
  await using registry = await FakeRegistry.start();
  await using proxy = await tunnel(registry.port);
  using client = createTestClient({ env: { HTTPS_PROXY: proxy.url } });
  const error = await failureOf(client.resolve(at("registry.test:5000"), never));
  expect(error.code).toBe("REGISTRY_TLS");
  expect(error.message).toContain("server gave HTTP response to HTTPS client");
  expect(error.hint).toContain("--plain-http registry.test:5000");
  expect(registry.seen).toHaveLength(0);
});

test("https is not given up for http where a redirect says so", async () => {
  await using registry = await tlsRegistry();
  await using plain = await FakeRegistry.start();
  registry.fault("HEAD", /v1/, ({ response }) => {
    response.writeHead(302, { location: `${plain.origin}/v2/team/app/manifests/v1` }).end();
  });
  using client = createTestClient({ env: trusting });
  expect((await failureOf(client.resolve(at(registry.host), never))).code).toBe("REGISTRY_PROTOCOL");
  expect(plain.seen).toEqual([]);
});

test("an upload that a registry behind TLS names by http goes there by https", async () => {
  await using registry = await tlsRegistry();
  registry.fault("POST", /uploads/, ({ response }) => {
    response.writeHead(202, { location: `http://127.0.0.1/v2/team/app/blobs/uploads/1` }).end();
  });
  using client = createTestClient({ env: trusting });
  expect(await client.pushBlob(at(registry.host), sourceOf(someBytes(100)), {}, never)).toBe("uploaded");
});

test("a host that is named may be spoken to without TLS, through a proxy too", async () => {
  await using registry = await FakeRegistry.start();
  registry.putManifest("team/app", "v1", MANIFEST, OCI_MANIFEST);
  await using proxy = await tunnel(registry.port);
  for (const name of ["registry.test:5000", "registry.test"]) {
    using client = createTestClient({ env: { HTTP_PROXY: proxy.url }, plainHttp: [name] });
    expect((await client.resolve(at("registry.test:5000"), never)).size).toBe(MANIFEST.length);
  }
  expect(proxy.asked).toEqual(["HEAD registry.test:5000", "HEAD registry.test:5000"]);
});

test("TLS goes through a proxy by CONNECT, with the proxy's own password", async () => {
  await using registry = await tlsRegistry();
  await using proxy = await tunnel(registry.port, "bob:hunter2");
  const env = { ...trusting, HTTPS_PROXY: proxy.url.replace("//", "//bob:hunter2@") };
  using client = createTestClient({ env, timeouts: { connectMs: 2000 } });
  registry.fault("HEAD", /v1/, async ({ proceed }) => {
    await new Promise((resolve) => setTimeout(resolve, 50));
    proceed();
  });
  expect((await client.resolve(at("registry.test:5000"), never)).size).toBe(MANIFEST.length);
  expect(proxy.asked).toEqual(["CONNECT registry.test:5000"]);
  const bytes = someBytes(500_000);
  expect(await client.pushBlob(at("registry.test:5000"), sourceOf(bytes), {}, never)).toBe("uploaded");
});

test("behind a proxy the connection is there when TLS is: a slow answer is no failed connection", async () => {
  await using registry = await tlsRegistry();
  await using proxy = await tunnel(registry.port);
  registry.fault("HEAD", /v1/, async ({ proceed }) => {
    await new Promise((resolve) => setTimeout(resolve, 600));
    proceed();
  });
  using client = createTestClient({
    env: { ...trusting, HTTPS_PROXY: proxy.url },
    timeouts: { connectMs: 400 },
    retry: { attempts: 1 },
  });
  expect((await client.resolve(at("registry.test:5000"), never)).size).toBe(MANIFEST.length);
});

test("a proxy that refuses is named, without its password", async () => {
  await using registry = await tlsRegistry();
  await using proxy = await tunnel(registry.port, "bob:right");
  const env = { ...trusting, HTTPS_PROXY: proxy.url.replace("//", "//bob:hunter2@") };
  using client = createTestClient({ env, retry: { attempts: 1 } });
  const error = await failureOf(client.resolve(at("registry.test:5000"), never));
  expect(error.code).toBe("REGISTRY_UNREACHABLE");
  expect(error.message).toContain(new URL(proxy.url).host);
  expect(error.message).toContain("407");
  expect(`${error.message}${error.hint}${error.stack}`).not.toContain("hunter2");
});

test("a port where nobody listens is told with host and port, after few attempts", async () => {
  using client = createTestClient();
  const error = await failureOf(client.resolve(at("127.0.0.1:9"), never));
  expect(error.code).toBe("REGISTRY_UNREACHABLE");
  expect(error.message).toContain("127.0.0.1:9");
  expect(error.message).toContain("connection refused");
  expect(client.clock.slept).toHaveLength(2);
});

test("a host that is no host is told at once", async () => {
  using client = createTestClient();
  const error = await failureOf(client.resolve(at("registry.invalid"), never));
  expect(error.code).toBe("REGISTRY_UNREACHABLE");
});

test("a server that never answers is given up", async () => {
  await using silent = await raw(() => undefined);
  using client = createTestClient({ timeouts: { idleMs: 50 }, retry: { attempts: 2 } });
  const error = await failureOf(client.resolve(at(silent.host), never));
  expect(error.message).toContain("no progress for 0.05 s (tried 2 times)");
});

test("a handshake that never ends is no connection", async () => {
  await using silent = await raw(() => undefined);
  await using proxy = await tunnel(silent.port);
  using client = createTestClient({
    env: { HTTPS_PROXY: proxy.url },
    timeouts: { connectMs: 100 },
    retry: { attempts: 1 },
  });
  const error = await failureOf(client.resolve(at("registry.test"), never));
  expect(error.message).toContain("no connection within 0.1 s");
});

test("what is no HTTP is told", async () => {
  await using ssh = await raw((socket) => socket.write("SSH-2.0-OpenSSH_9.2\r\n"));
  using client = createTestClient();
  const error = await failureOf(client.resolve(at(ssh.host), never));
  expect(["REGISTRY_PROTOCOL", "REGISTRY_TLS"]).toContain(error.code);
});

test("a 400 of a plain registry stays what it is", async () => {
  await using registry = await FakeRegistry.start();
  registry.fault(
    "GET",
    /./,
    ({ response }) => void response.writeHead(400).end('{"errors":[{"code":"NAME_INVALID"}]}'),
  );
  using client = createTestClient();
  expect((await failureOf(client.getManifest(at(registry.host), never))).code).toBe("REGISTRY_NAME_INVALID");
});

test("an abort before, and during, a request gives the signal's reason", async () => {
  await using silent = await raw(() => undefined);
  using client = createTestClient();
  const reason = new Error("stop");
  expect(await failureOf(client.resolve(at(silent.host), AbortSignal.abort(reason)))).toBe(reason);
  const stop = new AbortController();
  setTimeout(() => stop.abort(reason), 30);
  expect(await failureOf(client.resolve(at(silent.host), stop.signal))).toBe(reason);
});

interface Raw extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
}

async function raw(onSocket: (socket: Socket) => void): Promise<Raw> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    onSocket(socket);
  });
  const port = await listen(server);
  return { host: `127.0.0.1:${port}`, port, [Symbol.asyncDispose]: () => close(server, sockets) };
}

interface Tunnel extends AsyncDisposable {
  readonly url: string;
  readonly asked: string[];
}

/** An HTTP proxy on loopback that leads every host to one port of this machine. */
async function tunnel(port: number, login?: string): Promise<Tunnel> {
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  const server = createProxyServer((request, response) => {
    const { host, pathname } = new URL(request.url ?? "");
    asked.push(`${request.method} ${host}`);
    const inner = get({ host: "127.0.0.1", port, path: pathname, method: request.method }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    });
    inner.on("error", () => response.destroy());
  });
  server.on("connection", (socket: Socket) => void sockets.add(socket.on("error", () => undefined)));
  server.on("connect", (request, socket: Socket) => {
    asked.push(`CONNECT ${request.url}`);
    const given = Buffer.from(
      (request.headers["proxy-authorization"] ?? "").replace("Basic ", ""),
      "base64",
    ).toString();
    if (login !== undefined && given !== login) {
      socket.end("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
      return;
    }
    const inner = connect(port, "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      inner.pipe(socket).pipe(inner);
    });
    inner.on("error", () => socket.destroy());
    sockets.add(inner);
  });
  const own = await listen(server);
  return { url: `http://127.0.0.1:${own}`, asked, [Symbol.asyncDispose]: () => close(server, sockets) };
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

async function close(server: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  for (const socket of sockets) socket.destroy();
  await new Promise<void>((resolve) => server.close(() => resolve()));
}

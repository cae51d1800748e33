import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { runTool } from "../bed/process.ts";

const TIME = "2024-02-03T04:05:06Z";

/** Repositories behind git's own HTTP server. Commits are the same each time. */
export class GitServer implements AsyncDisposable {
  readonly url: string;
  /** `Authorization` that is needed from now on. */
  authorization: string | undefined;
  /** How many requests come: a build that knows a commit asks for no pack. */
  readonly asked: string[] = [];
  readonly #server: Server;
  readonly #directory: string;

  private constructor(server: Server, directory: string) {
    this.#server = server;
    this.#directory = directory;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  static async start(): Promise<GitServer> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const directory = mkdtempSync(join(tmpdir(), "manyarch-git-"));
    chmodSync(directory, 0o755);
    const git = new GitServer(server, directory);
    server.on("request", (request, response) => git.#answer(request, response));
    return git;
  }

  /** Runs git in a repository, which is made where it is not there; prints what git does. */
  run(name: string, ...args: readonly string[]): string {
    const work = join(this.#directory, `${name}.work`);
    const git = (...more: readonly string[]): string =>
      runTool("env", [...ENVIRONMENT, "git", "-c", "protocol.file.allow=always", "-C", work, ...more]);
    if (args[0] === "init") {
      mkdirSync(work, { recursive: true });
      runTool("env", [...ENVIRONMENT, "git", "init", "-q", "--bare", "-b", "main", join(this.#directory, name)]);
      git("init", "-q", "-b", "main");
      git("remote", "add", "origin", join(this.#directory, name));
      return "";
    }
    return git(...args);
  }

  /** Commits files of a repository, of none what its index has, and pushes all of it; the commit. */
  commit(name: string, files: Readonly<Record<string, string>>, message = "change"): string {
    for (const [path, content] of Object.entries(files)) {
      const place = join(this.#directory, `${name}.work`, path);
      mkdirSync(dirname(place), { recursive: true });
      writeFileSync(place, content);
    }
    if (Object.keys(files).length > 0) this.run(name, "add", "-A");
    this.run(name, "commit", "-q", "--allow-empty", "-m", message);
    return this.push(name);
  }

  /** Pushes branches and tags; the commit that is checked out. */
  push(name: string): string {
    this.run(name, "push", "-q", "--force", "--all", "origin");
    this.run(name, "push", "-q", "--force", "--tags", "origin");
    return this.run(name, "rev-parse", "HEAD").trim();
  }

  /** Path of a repository's work tree. */
  work(name: string): string {
    return join(this.#directory, `${name}.work`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? "", this.url);
    this.asked.push(`${request.method} ${url.pathname}`);
    if (this.authorization !== undefined && request.headers.authorization !== this.authorization) {
      response.writeHead(401, { "www-authenticate": "Basic" }).end();
      return;
    }
    const child = spawn("git", ["http-backend"], {
      env: {
        PATH: process.env["PATH"],
        GIT_PROJECT_ROOT: this.#directory,
        GIT_HTTP_EXPORT_ALL: "1",
        PATH_INFO: decodeURIComponent(url.pathname),
        QUERY_STRING: url.search.slice(1),
        REQUEST_METHOD: request.method,
        CONTENT_TYPE: request.headers["content-type"] ?? "",
        HTTP_CONTENT_ENCODING: request.headers["content-encoding"] ?? "",
        GIT_PROTOCOL: String(request.headers["git-protocol"] ?? ""),
        // Whoever runs the tests: repositories are ours.
        GIT_CONFIG_COUNT: "1",
        GIT_CONFIG_KEY_0: "safe.directory",
        GIT_CONFIG_VALUE_0: "*",
      },
    });
    request.pipe(child.stdin);
    passOn(child.stdout, response);
  }
}

const ENVIRONMENT = [
  ...["GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null"],
  ...["AUTHOR", "COMMITTER"].flatMap((who) => [
    `GIT_${who}_NAME=Test`,
    `GIT_${who}_EMAIL=test@example.com`,
    `GIT_${who}_DATE=${TIME}`,
  ]),
];

/** A CGI program's output: headers, an empty line, the body. */
function passOn(output: NodeJS.ReadableStream, response: ServerResponse): void {
  let head = Buffer.alloc(0);
  let isBody = false;
  output.on("data", (chunk: Buffer) => {
    if (isBody) return void response.write(chunk);
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf("\r\n\r\n");
    if (end < 0) return;
    isBody = true;
    const lines = head.toString("latin1", 0, end).split("\r\n");
    const headers = lines.map((line) => line.split(/: (.*)/s, 2) as [string, string]);
    const status = Number(headers.find(([name]) => name === "Status")?.[1].slice(0, 3) ?? 200);
    response.writeHead(status, Object.fromEntries(headers.filter(([name]) => name !== "Status")));
    response.write(head.subarray(end + 4));
  });
  output.on("end", () => response.end());
}

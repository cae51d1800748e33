import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { AppError } from "../../src/base/errors.ts";
import { parseAccessLine, type Access } from "./access-log.ts";
import { findProgram, runTool } from "./process.ts";

export interface RegistryOptions {
  /** A folder to serve that already has content. Default: an empty one, removed on stop. */
  readonly folder?: string;
  /** Refuses every write; several registries may then serve the same folder. Default false. */
  readonly readOnly?: boolean;
  /** Asks for basic authentication by these names and passwords. */
  readonly users?: Readonly<Record<string, string>>;
}

/** Debian's docker-registry on a free loopback port. Ends with this process, however that ends. */
export class Registry {
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #accesses: Access[];
  readonly #clean: () => void;

  private constructor(port: number, child: ChildProcess, directory: string, accesses: Access[]) {
    this.port = port;
    this.#child = child;
    this.#accesses = accesses;
    this.#clean = () => rmSync(directory, { recursive: true, force: true });
    process.once("exit", this.#clean);
  }

  static async start(options: RegistryOptions = {}): Promise<Registry> {
    const directory = mkdtempSync(join(tmpdir(), "manyarch-registry-"));
    const config = join(directory, "config.json");
    // YAML is a superset of JSON.
    writeFileSync(config, JSON.stringify(configuration(directory, options)));
    const program = findProgram("docker-registry");
    if (program === undefined) {
      throw new AppError("BED_PROGRAM", "docker-registry is not installed", { hint: "run ./dev setup" });
    }
    // setpriv: the kernel ends the registry when the process that started it is gone.
    const child = spawn("setpriv", ["--pdeathsig", "KILL", program, "serve", config], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const accesses: Access[] = [];
    if (child.stdout === null || child.stderr === null)
      throw new AppError("BED_REGISTRY", "docker-registry has no output");
    createInterface(child.stdout).on("line", (line) => {
      const access = parseAccessLine(line);
      if (access !== undefined) accesses.push(access);
    });
    return new Registry(await listeningPort(child), child, directory, accesses);
  }

  /** `localhost:PORT`, as references name it. */
  get host(): string {
    return `localhost:${this.port}`;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** The requests so far, in the order they ended. Waits a moment, as a line is written after its answer. */
  async accesses(): Promise<readonly Access[]> {
    let seen = -1;
    while (seen !== this.#accesses.length) {
      seen = this.#accesses.length;
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
    return [...this.#accesses];
  }

  /** Forgets the requests so far. */
  async clearAccesses(): Promise<void> {
    await this.accesses();
    this.#accesses.length = 0;
  }

  async stop(): Promise<void> {
    const ended = new Promise<void>((resolve) => this.#child.once("exit", () => resolve()));
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill("SIGKILL");
      await ended;
    }
    process.off("exit", this.#clean);
    this.#clean();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

function configuration(directory: string, options: RegistryOptions): object {
  const folder = options.folder ?? join(directory, "data");
  mkdirSync(folder, { recursive: true });
  return {
    version: "0.1",
    log: { level: "info", formatter: "json" },
    storage: {
      filesystem: { rootdirectory: folder },
      delete: { enabled: true },
      ...(options.readOnly === true ? { maintenance: { readonly: { enabled: true } } } : {}),
    },
    http: { addr: "127.0.0.1:0", secret: "manyarch test bed" },
    ...(options.users === undefined ? {} : { auth: { htpasswd: htpasswd(directory, options.users) } }),
  };
}

function htpasswd(directory: string, users: Readonly<Record<string, string>>): object {
  const path = join(directory, "htpasswd");
  // The registry takes bcrypt only; Debian's crypt(3) makes it, and perl is on every Debian.
  const bcrypt = 'print crypt(<STDIN>, q($2y$04$) . "manyarchmanyarchmanyau")';
  const lines = Object.entries(users).map(([name, input]) => `${name}:${runTool("perl", ["-e", bcrypt], { input })}`);
  writeFileSync(path, `${lines.join("\n")}\n`);
  return { realm: "manyarch test bed", path };
}

function listeningPort(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    const said: string[] = [];
    child.once("error", reject);
    child.once("exit", (code) => {
      reject(
        new AppError("BED_REGISTRY", `docker-registry ended with exit code ${code}: ${said.slice(-5).join("\n")}`),
      );
    });
    if (child.stderr === null) return;
    createInterface(child.stderr).on("line", (line) => {
      if (said.length < 100) said.push(line);
      const match = /listening on 127\.0\.0\.1:(\d+)/.exec(line);
      if (match !== null) resolve(Number(match[1]));
    });
  });
}

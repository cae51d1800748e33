import { spawn } from "node:child_process";
import type { RungChoice } from "../../src/sandbox/rung.ts";
import type { ChildProcessByStdio } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { bootId } from "../../src/sys/host.ts";
import type { RunRequest, WorkerRequest } from "../../src/worker/protocol.ts";
import { runTool } from "../bed/process.ts";
import { asUser, removeTree } from "../bed/user.ts";
import type { BedUser } from "../bed/user.ts";
import { makeBusyboxRoot } from "./busybox-root.ts";
import type { AnswerLine, ControlLine } from "./control-program.ts";

/** What came of a request. */
export interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly ok?: unknown;
  readonly error?: {
    readonly code: string;
    readonly message: string;
    readonly hint?: string;
    readonly exitCode?: number;
  };
}

export interface ControlOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly careless?: boolean;
  readonly sandbox?: RungChoice;
}

/** A store of its own, as `user` has it. */
export class TestStore {
  readonly user: BedUser;
  readonly directory: string;
  readonly root: string;

  constructor(user: BedUser) {
    this.user = user;
    this.directory = mkdtempSync(join(tmpdir(), "manyarch-worker-"));
    chmodSync(this.directory, 0o755);
    this.root = join(this.directory, "store");
    mkdirSync(this.root, { mode: 0o700 });
    chownSync(this.root, user.uid, user.gid);
  }

  /** Starts a control process on it. With `careless`, from a shell that lets it inherit `/` as descriptors 9 and 200. */
  async control(options: ControlOptions = {}): Promise<Control> {
    const control = new Control(this, options);
    await control.started;
    return control;
  }

  /** Puts a directory into the store as the snapshot `id`; as `user` sees it, root owns it. */
  adopt(id: string, directory: string): void {
    const snapshot = join(this.root, "snapshots", id);
    runTool("mkdir", ["-p", snapshot]);
    runTool("cp", ["-a", directory, join(snapshot, "fs")]);
    writeFileSync(join(snapshot, "boot"), bootId());
    runTool("chown", ["-R", `${this.user.uid}:${this.user.gid}`, join(this.root, "snapshots")]);
  }

  /** A root file system of busybox as the snapshot `id`, with what `change` does to it. */
  adoptBusybox(id: string, change: (root: string) => void = () => {}): void {
    const root = join(this.directory, id);
    mkdirSync(root);
    makeBusyboxRoot(root);
    change(root);
    this.adopt(id, root);
  }

  /** Paths below a snapshot's directory, sorted. */
  listing(id: string): readonly string[] {
    const root = join(this.root, "snapshots", id, "fs");
    return (readdirSync(root, { recursive: true }) as string[]).toSorted();
  }

  has(id: string): boolean {
    return existsSync(join(this.root, "snapshots", id, "boot"));
  }

  read(id: string, path: string): string {
    return readFileSync(join(this.root, "snapshots", id, "fs", path), "utf8");
  }

  remove(): void {
    removeTree(this.directory);
  }
}

/** A control process with its worker. */
export class Control {
  readonly started: Promise<void>;
  readonly pid: number;
  readonly notes: string[] = [];
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #listeners = new Map<number, (line: AnswerLine) => void>();
  readonly #exited: Promise<void>;
  #said = "";
  #count = 0;

  constructor(store: TestStore, { env = {}, careless = false, sandbox = {} }: ControlOptions) {
    const program = fileURLToPath(new URL("control-program.ts", import.meta.url));
    const shell = careless ? ["bash", "-c", 'exec 9</ 200</; exec "$@"', "careless"] : [];
    const [command = "", ...args] = asUser(store.user, [
      ...shell,
      process.execPath,
      "--disable-warning=ExperimentalWarning",
      program,
      store.root,
      JSON.stringify(sandbox),
    ]);
    this.#child = spawn(command, args, {
      stdio: ["pipe", "pipe", "pipe"],
      cwd: "/",
      env: { PATH: process.env["PATH"], HOME: store.user.home, ...env },
    }) as ChildProcessByStdio<Writable, Readable, Readable>;
    this.pid = this.#child.pid ?? 0;
    this.#child.stderr.on("data", (chunk: Buffer) => (this.#said += chunk.toString()));
    this.#child.stdin.on("error", () => {});
    this.#exited = new Promise((resolve) => this.#child.once("exit", () => resolve()));
    this.started = new Promise((resolve, reject) => {
      void this.#exited.then(() => reject(new Error(`control ended: ${this.#said}`)));
      createInterface({ input: this.#child.stdout }).on("line", (text) => {
        const line = JSON.parse(text) as AnswerLine;
        if ("worker" in line) return resolve();
        if ("note" in line) return void this.notes.push(line.note);
        this.#listeners.get(line.id)?.(line);
      });
    });
    this.started.catch(() => {});
  }

  /** Asks and waits. `onOutput` sees what is said as it comes. */
  request(request: WorkerRequest, onOutput: (text: string, cancel: () => void) => void = () => {}): Promise<Outcome> {
    const id = this.#count++;
    return new Promise((resolve, reject) => {
      const said = { stdout: "", stderr: "" };
      void this.#exited.then(() => reject(new Error(`control ended: ${this.#said}`)));
      this.#listeners.set(id, (line) => {
        if ("output" in line) {
          said[line.stream] += line.output;
          onOutput(line.output, () => this.#write({ cancel: id }));
        } else if ("error" in line) {
          const { hint, exitCode, ...error } = line.error;
          resolve({
            ...said,
            error: { ...error, ...(hint !== undefined && { hint }), ...(typeof exitCode === "number" && { exitCode }) },
          });
        } else if ("ok" in line) {
          resolve({ ...said, ok: line.ok });
        }
      });
      this.#write({ id, request });
    });
  }

  /** A RUN of a shell script on the snapshot `base`, unless told otherwise. */
  run(
    script: string,
    changes: Partial<RunRequest> = {},
    onOutput?: (text: string, cancel: () => void) => void,
  ): Promise<Outcome> {
    const request: RunRequest = {
      op: "run",
      parents: ["base"],
      id: `run-${crypto.randomUUID()}`,
      argv: ["/bin/sh", "-c", script],
      env: ["PATH=/bin"],
      cwd: "/",
      user: "",
      network: "host",
      platform: { os: "linux", architecture: process.arch === "x64" ? "amd64" : process.arch },
      ...changes,
    };
    return this.request(request, onOutput);
  }

  kill(signal: NodeJS.Signals): void {
    process.kill(this.pid, signal);
  }

  get exited(): Promise<void> {
    return this.#exited;
  }

  /** Closes worker and store, and waits for the process. */
  async close(): Promise<void> {
    this.#child.stdin.end();
    await this.#exited;
  }

  #write(line: ControlLine): void {
    this.#child.stdin.write(`${JSON.stringify(line)}\n`);
  }
}

import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AppError } from "../../src/base/errors.ts";
import { ensureArtefact } from "./make.ts";
import { setAside } from "./set-aside.ts";

/** A BuildKit daemon as root with a store of its own. Ends with this process, however that ends. */
export class Buildkitd {
  readonly directory = mkdtempSync(join(tmpdir(), "manyarch-buildkitd-"));
  readonly #programs = ensureArtefact("peers");
  #daemon: ChildProcess | undefined;

  private constructor() {}

  /** `mirror` serves docker.io and gcr.io; `plain` are other registries without TLS. */
  static async start(mirror: string, plain: readonly string[] = []): Promise<Buildkitd> {
    const started = new Buildkitd();
    writeFileSync(join(started.directory, "buildkitd.toml"), configuration(started.directory, mirror, plain));
    await started.#start();
    return started;
  }

  get pid(): number | undefined {
    return this.#daemon?.pid;
  }

  /** `buildctl` with the address of this daemon, and the environment to run it in. */
  get client(): readonly string[] {
    return [join(this.#programs, "buildctl"), `--addr=${this.#address}`];
  }

  get env(): NodeJS.ProcessEnv {
    return { ...process.env, HOME: this.directory };
  }

  /** Starts over with an empty store. */
  async reset(): Promise<void> {
    await this.#stop();
    setAside(join(this.directory, "root"));
    await this.#start();
  }

  get #address(): string {
    return `unix://${this.directory}/buildkitd.sock`;
  }

  async #start(): Promise<void> {
    const log = openSync(join(this.directory, "buildkitd.log"), "a");
    const config = join(this.directory, "buildkitd.toml");
    const argv = [join(this.#programs, "buildkitd"), `--addr=${this.#address}`, `--config=${config}`];
    this.#daemon = spawn("setpriv", ["--pdeathsig", "KILL", ...argv], {
      stdio: ["ignore", log, log],
      env: this.env,
    });
    closeSync(log);
    await this.#answers();
  }

  async #answers(): Promise<void> {
    const [program = "", ...flags] = this.client;
    for (let attempt = 0; attempt < 100; attempt++) {
      if (spawnSync(program, [...flags, "debug", "workers"]).status === 0) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const log = readFileSync(join(this.directory, "buildkitd.log"), "utf8").slice(-2000);
    throw new AppError("BED_BUILDKIT", `buildkitd does not answer at ${this.#address}:\n${log}`);
  }

  async #stop(): Promise<void> {
    await ended(this.#daemon);
    unmountBelow(this.directory);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export function unmountBelow(directory: string): void {
  spawnSync("sh", ["-c", `grep -o '${directory}[^ ]*' /proc/self/mountinfo | sort -ru | xargs -r umount -l`]);
}

function configuration(directory: string, mirror: string, plain: readonly string[]): string {
  const withoutTls = [mirror, ...plain].map((host) => `[registry."${host}"]\n  http = true\n`);
  return `root = "${directory}/root"

[worker.oci]
  enabled = true
  binary = "runc"
  snapshotter = "overlayfs"
  networkMode = "host"
  gc = false

[worker.containerd]
  enabled = false

[registry."docker.io"]
  mirrors = ["${mirror}"]
[registry."gcr.io"]
  mirrors = ["${mirror}"]
${withoutTls.join("")}`;
}

async function ended(daemon: ChildProcess | undefined): Promise<void> {
  if (daemon === undefined || daemon.exitCode !== null || daemon.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => daemon.once("exit", () => resolve()));
  daemon.kill("SIGTERM");
  await gone;
}

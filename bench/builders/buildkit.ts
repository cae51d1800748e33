import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AppError } from "../../src/base/errors.ts";
import { ensureArtefact } from "../../test/bed/make.ts";
import { BUILDKIT_VERSION } from "../../test/bed/peers.ts";
import type { Builder } from "./builder.ts";

/** buildkitd as root, warm: its start is not measured, as it is up when people build. */
export async function buildkit(mirror: string, target: string): Promise<Builder> {
  const programs = ensureArtefact("peers");
  const directory = mkdtempSync(join(tmpdir(), "manyarch-bench-buildkit-"));
  const address = `unix://${directory}/buildkitd.sock`;
  let daemon: ChildProcess | undefined;
  const stop = async (): Promise<void> => {
    await ended(daemon);
    spawnSync("sh", ["-c", `grep -o '${directory}[^ ]*' /proc/self/mountinfo | sort -ru | xargs -r umount -l`]);
    rmSync(join(directory, "root"), { recursive: true, force: true });
  };
  const reset = async (): Promise<void> => {
    await stop();
    daemon = start(directory, address, programs, mirror, target);
    await answers(programs, address, directory);
  };
  await reset();
  return {
    name: "BuildKit",
    version: BUILDKIT_VERSION,
    executables: ["buildkitd", "buildctl"],
    daemon: () => daemon?.pid,
    reset,
    commands: (job) => [
      {
        argv: [
          join(programs, "buildctl"),
          `--addr=${address}`,
          "build",
          "--progress=plain",
          "--frontend=dockerfile.v0",
          `--local=context=${job.context}`,
          `--local=dockerfile=${job.context}`,
          `--opt=platform=${job.platforms.join(",")}`,
          ...Object.entries(job.buildArgs).map(([name, value]) => `--opt=build-arg:${name}=${value}`),
          `--output=type=image,name=${job.reference},push=true,registry.insecure=true`,
        ],
        env: { ...process.env, HOME: directory },
      },
    ],
    [Symbol.asyncDispose]: async () => {
      await stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function start(directory: string, address: string, programs: string, mirror: string, target: string): ChildProcess {
  const config = join(directory, "buildkitd.toml");
  const plain = (host: string): string => `[registry."${host}"]\n  http = true\n`;
  writeFileSync(
    config,
    `root = "${directory}/root"

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
${plain(mirror)}${plain(target)}`,
  );
  const log = openSync(join(directory, "buildkitd.log"), "a");
  const daemon = spawn(
    "setpriv",
    ["--pdeathsig", "KILL", join(programs, "buildkitd"), `--addr=${address}`, `--config=${config}`],
    {
      stdio: ["ignore", log, log],
      env: { ...process.env, HOME: directory },
    },
  );
  closeSync(log);
  return daemon;
}

async function answers(programs: string, address: string, directory: string): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const asked = spawnSync(join(programs, "buildctl"), [`--addr=${address}`, "debug", "workers"]);
    if (asked.status === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const log = readFileSync(join(directory, "buildkitd.log"), "utf8").slice(-2000);
  throw new AppError("BENCH_BUILDKIT", `buildkitd does not answer at ${address}:\n${log}`);
}

async function ended(daemon: ChildProcess | undefined): Promise<void> {
  if (daemon === undefined || daemon.exitCode !== null || daemon.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => daemon.once("exit", () => resolve()));
  daemon.kill("SIGTERM");
  await gone;
}

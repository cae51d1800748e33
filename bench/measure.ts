import { spawn } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { basename } from "node:path";
import { AppError } from "../src/base/errors.ts";
import type { Builder, BuildJob } from "./builders/builder.ts";

export interface Measurement {
  readonly seconds: number;
  /** The largest sum of what the builder's own processes hold in memory; what RUNs use is not in it. */
  readonly peakBytes: number;
}

/** Builds once and measures from the first command's start to the last one's end. */
export async function measureBuild(builder: Builder, job: BuildJob): Promise<Measurement> {
  let peakBytes = 0;
  const start = performance.now();
  for (const command of builder.commands(job)) {
    const [program = "", ...args] = command.argv;
    const child = spawn(program, args, { env: command.env, cwd: "/", stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    const keep = (text: Buffer): void => {
      output = (output + text.toString()).slice(-8000);
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    const roots = [child.pid, builder.daemon()].filter((pid) => pid !== undefined);
    const sampling = setInterval(() => {
      peakBytes = Math.max(peakBytes, residentBytes(roots, builder.executables));
    }, 200);
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", resolve);
    });
    clearInterval(sampling);
    if (code !== 0)
      throw new AppError("BENCH_BUILD", `${builder.name}: ${command.argv.join(" ")}: exit code ${code}\n${output}`);
  }
  return { seconds: (performance.now() - start) / 1000, peakBytes };
}

function residentBytes(roots: readonly number[], executables: readonly string[]): number {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    if (/^\d+$/.test(name)) parents.set(Number(name), parentOf(name));
  }
  const below = (pid: number): boolean => {
    for (let at: number | undefined = pid; at !== undefined && at > 1; at = parents.get(at))
      if (roots.includes(at)) return true;
    return false;
  };
  let sum = 0;
  for (const pid of parents.keys()) if (below(pid) && executables.includes(executableOf(pid))) sum += residentOf(pid);
  return sum;
}

function parentOf(pid: string): number {
  return Number(/\) \S (\d+)/.exec(readProc(`/proc/${pid}/stat`))?.[1] ?? 0);
}

// The proportional size: pages that several processes share count once.
function residentOf(pid: number): number {
  return Number(/^Pss:\s+(\d+) kB/m.exec(readProc(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0) * 1024;
}

function executableOf(pid: number): string {
  try {
    return basename(readlinkSync(`/proc/${pid}/exe`));
  } catch {
    return "";
  }
}

// Processes end between two looks.
function readProc(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

import { parseSize } from "../../base/values.ts";
import type { RunLimits } from "../../sandbox/cgroups/limits.ts";
import type { DockerFlags } from "./docker-flags.ts";
import { usage } from "./usage.ts";

/** What the kernel takes at all: less than a page or two starts nothing; docker's least. */
const LEAST_MEMORY = 6 * 1024 ** 2;
const PERIOD = 100_000;

/** Limits of each RUN, as docker knows them; 0 and -1 are none. */
export function parseRunLimits(flags: DockerFlags): RunLimits {
  const { memory, cpus, cpuPeriod, cpuQuota, cpuShares, pidsLimit } = flags;
  if (cpus !== undefined && (cpuQuota ?? cpuPeriod) !== undefined)
    throw usage("--cpus stands for --cpu-quota and --cpu-period", "give either the one or the others");
  return {
    memory: parseMemory(memory),
    cpuQuota: parseCpus(cpus) ?? parseWhole("--cpu-quota", cpuQuota, 1000),
    cpuPeriod: parseWhole("--cpu-period", cpuPeriod, 1000, 1_000_000),
    cpuShares: parseWhole("--cpu-shares", cpuShares, 2, 262_144),
    pids: parseWhole("--pids-limit", pidsLimit, 1),
  };
}

function parseMemory(text: string | undefined): number | undefined {
  if (text === undefined || isNone(text)) return undefined;
  const bytes = parseSize(text);
  if (bytes !== undefined && bytes >= LEAST_MEMORY) return bytes;
  throw usage(`--memory ${text}: expected a number of bytes, at least 6m`, "write --memory 2g");
}

/** As a quota of the usual period. */
function parseCpus(text: string | undefined): number | undefined {
  if (text === undefined || isNone(text)) return undefined;
  const quota = /^\d*\.?\d+$/.test(text) ? Math.round(Number(text) * PERIOD) : 0;
  if (quota >= 1000 && Number.isSafeInteger(quota)) return quota;
  throw usage(`--cpus ${text}: expected a number, at least 0.01`, "write --cpus 1.5");
}

function parseWhole(
  flag: string,
  text: string | undefined,
  least: number,
  most = Number.MAX_SAFE_INTEGER,
): number | undefined {
  if (text === undefined || isNone(text)) return undefined;
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  const range = most === Number.MAX_SAFE_INTEGER ? `${least} or more` : `${least} to ${most}`;
  throw usage(`${flag} ${text}: expected a whole number, ${range}`, `write ${flag} ${Math.max(least, 1000)}`);
}

function isNone(text: string): boolean {
  return text === "0" || text === "-1";
}

/** What the processes of one RUN may use together. Says nothing about the image, so it is in no step key. */
export interface RunLimits {
  /** Bytes, of memory alone: there is no swap beyond it. */
  readonly memory?: number | undefined;
  /** Microseconds of processor time in each `cpuPeriod`. */
  readonly cpuQuota?: number | undefined;
  /** Microseconds. Default: 100000. */
  readonly cpuPeriod?: number | undefined;
  /** Weight among other processes, 2 to 262144; 1024 is what everybody has. */
  readonly cpuShares?: number | undefined;
  readonly pids?: number | undefined;
}

export type Controller = "memory" | "cpu" | "pids";

/** A kernel's file of a limit: what to write there. Optional ones are not on every kernel. */
export interface LimitFile {
  readonly name: string;
  readonly value: string;
  readonly optional?: boolean | undefined;
}

const PERIOD = 100_000;

/** The controllers that `limits` take. */
export function controllersOf({ memory, cpuQuota, cpuPeriod, cpuShares, pids }: RunLimits): readonly Controller[] {
  const cpu = cpuQuota ?? cpuPeriod ?? cpuShares;
  return [
    ...(memory === undefined ? [] : (["memory"] as const)),
    ...(cpu === undefined ? [] : (["cpu"] as const)),
    ...(pids === undefined ? [] : (["pids"] as const)),
  ];
}

/** The files of `controller` in a cgroup of version 1 or 2, in the order to write them in. */
export function limitFiles(limits: RunLimits, controller: Controller, version: 1 | 2): readonly LimitFile[] {
  switch (controller) {
    case "memory":
      return memoryFiles(limits.memory, version);
    case "cpu":
      return version === 1 ? cpuFiles1(limits) : cpuFiles2(limits);
    case "pids":
      return limits.pids === undefined ? [] : [{ name: "pids.max", value: String(limits.pids) }];
  }
}

/** Without swap, since a limit that may be passed by swapping is none on one machine and one on the next. */
function memoryFiles(memory: number | undefined, version: 1 | 2): readonly LimitFile[] {
  if (memory === undefined) return [];
  const value = String(memory);
  if (version === 2) {
    return [
      { name: "memory.max", value },
      { name: "memory.swap.max", value: "0", optional: true },
    ];
  }
  // Of memory and swap together: never below that of memory.
  return [
    { name: "memory.limit_in_bytes", value },
    { name: "memory.memsw.limit_in_bytes", value, optional: true },
  ];
}

function cpuFiles1({ cpuQuota, cpuPeriod, cpuShares }: RunLimits): readonly LimitFile[] {
  const files = { "cpu.cfs_period_us": cpuPeriod, "cpu.cfs_quota_us": cpuQuota, "cpu.shares": cpuShares };
  return Object.entries(files).flatMap(([name, value]) =>
    value === undefined ? [] : [{ name, value: String(value) }],
  );
}

function cpuFiles2({ cpuQuota, cpuPeriod, cpuShares }: RunLimits): readonly LimitFile[] {
  const max = cpuQuota === undefined && cpuPeriod === undefined ? [] : [maxFile(cpuQuota, cpuPeriod)];
  // Shares of 2 to 262144 are weights of 1 to 10000, as OCI runtimes convert them.
  const weight = cpuShares === undefined ? undefined : 1 + Math.floor(((cpuShares - 2) * 9999) / 262_142);
  return [...max, ...(weight === undefined ? [] : [{ name: "cpu.weight", value: String(weight) }])];
}

function maxFile(quota: number | undefined, period = PERIOD): LimitFile {
  return { name: "cpu.max", value: `${quota ?? "max"} ${period}` };
}

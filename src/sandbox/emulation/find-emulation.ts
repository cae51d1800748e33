import { closeSync, openSync, readSync } from "node:fs";
import { messageOf } from "../../base/errors.ts";
import { run } from "../../sys/run.ts";
import { ELF_HEADERS_BYTES, readElfInterpreter } from "../../verify/elf-interpreter.ts";
import { isMachineKnown } from "../../sys/trace/machines/own-machine.ts";
import { elfArchitecture } from "./architectures.ts";
import type { ElfArchitecture } from "./architectures.ts";
import { findQemu } from "./find-qemu.ts";
import { hostHandler } from "./host-handlers.ts";
import type { HostHandler } from "./host-handlers.ts";
import { withProbe } from "./probe.ts";
import type { Probe, ProbeOptions, Trial } from "./probe.ts";
import type { Emulation, Qemu } from "./types.ts";

export interface EmulationOptions extends ProbeOptions {
  /** Of this machine. */
  readonly machine: string;
  /** Default: `namespaces`. */
  readonly kernel?: KernelsPart | undefined;
  /** A tracer may be used. Default: yes. */
  readonly tracer?: boolean | undefined;
}

/**
 * What RUNs have of the kernel: a user namespace, in which handlers can be made; the handlers that are there;
 * or, below a tracer, nothing.
 */
export type KernelsPart = "namespaces" | "handlers" | "none";

/**
 * How the binaries of each architecture come to run here, each way tried and not guessed: by the
 * processor, by a handler of the host's, by one of our own, by proot. An instance of our own hides the
 * host's handlers, so where one architecture needs it all do.
 */
export async function findEmulation(
  architectures: readonly string[],
  options: EmulationOptions,
): Promise<ReadonlyMap<string, Emulation>> {
  const find = async (names: readonly string[], ways: Ways): Promise<readonly (readonly [string, Emulation])[]> =>
    Promise.all(names.map(async (name) => [name, await findOne(name, ways, options)] as const));
  const { kernel = "namespaces" } = options;
  const all: Ways = { host: kernel !== "none", own: kernel === "namespaces" };
  const found = new Map(await find(architectures, all));
  const byHost = architectures.filter((name) => found.get(name)?.kind === "host");
  const byOwn = architectures.filter((name) => found.get(name)?.kind === "own");
  if (byHost.length === 0 || byOwn.length === 0) return found;
  const instead = await find(byHost, { host: false, own: true });
  const isComplete = instead.every(([, emulation]) => emulation.kind !== "none");
  return new Map([...found, ...(isComplete ? instead : await find(byOwn, { host: true, own: false }))]);
}

interface Ways {
  readonly host: boolean;
  readonly own: boolean;
}

async function findOne(name: string, ways: Ways, options: EmulationOptions): Promise<Emulation> {
  if (name === options.machine) return { kind: "native" };
  const architecture = elfArchitecture(name);
  if (architecture === undefined) return { kind: "none", reasons: ["no emulator is known for it"] };
  const own = { ...options, directory: `${options.directory}-${name}` };
  return withProbe(architecture, own, (probe) => tryWays(architecture, ways, probe, options));
}

async function tryWays(
  architecture: ElfArchitecture,
  ways: Ways,
  probe: Probe,
  { machine, path, signal, tracer = true }: EmulationOptions,
): Promise<Emulation> {
  const handler = hostHandler(architecture);
  // A tracer knows the calls of one kind of program only.
  const alone = ways.host ? await probe.alone() : undefined;
  if (alone?.runs === true) return asItIs(handler, isSibling(machine, architecture.name));
  const candidates = findQemu(architecture, path);
  const reasons: string[] = [];
  for (const qemu of candidates) {
    const version = versionOf(qemu, path, signal);
    // Waited for where it is needed.
    version.catch(() => {});
    const describe = async (keepsName: boolean): Promise<Qemu> => ({
      architecture: architecture.name,
      path: qemu,
      version: await version,
      keepsName,
    });
    const own = ways.own ? await probe.own(qemu, true) : undefined;
    if (own?.runs === true) return { kind: "own", qemu: await describe(!own.shifted) };
    const byTracer = tracer ? await traced(probe, qemu) : NO_TRACER;
    if (byTracer.runs) return { kind: "proot", qemu: await describe(true) };
    if (own !== undefined) reasons.push(`a handler of our own for ${qemu}: ${own.reason}`);
    reasons.push(byTracer.reason);
  }
  if (candidates.length === 0)
    reasons.push(`there is no qemu-${architecture.qemu}-static or qemu-${architecture.qemu}`);
  return { kind: "none", reasons: [...new Set([...(await hostReason(probe, handler, alone)), ...reasons])] };
}

function asItIs(handler: HostHandler | undefined, sibling: boolean): Emulation {
  if (handler === undefined && sibling) return { kind: "native" };
  return { kind: "host", handler: handler?.name, interpreter: handler?.interpreter };
}

/** Why what the host may have does not do. */
async function hostReason(
  probe: Probe,
  handler: HostHandler | undefined,
  alone: Trial | undefined,
): Promise<readonly string[]> {
  if (alone === undefined || alone.runs) return [];
  if (!(await probe.here()).runs) return ["the host has no handler for it"];
  if (handler === undefined || handler.flags.includes("F"))
    return [`what runs it on the host does not in a root of its own: ${alone.reason}`];
  return [`the host's handler ${handler.name} lacks flag F and works in no root but the host's`];
}

const NO_TRACER: Trial = {
  runs: false,
  reason: "the tracer of the rung proot is ruled out by --sandbox or --min-sandbox",
};

/** The tracer of rung proot starts the emulator for each program, in a root that has nothing it could be linked with. */
async function traced(probe: Probe, qemu: string): Promise<Trial> {
  if (!isMachineKnown()) return { runs: false, reason: "there is no tracer for this processor" };
  if (!isStatic(qemu)) return { runs: false, reason: `${qemu} is not linked statically` };
  return probe.by(qemu);
}

function isStatic(program: string): boolean {
  const file = openSync(program, "r");
  try {
    const start = Buffer.alloc(ELF_HEADERS_BYTES);
    return readElfInterpreter(start.subarray(0, readSync(file, start))).kind === "none";
  } finally {
    closeSync(file);
  }
}

/** 32-bit programs, which many processors of the 64-bit kind run, and some do not. */
function isSibling(machine: string, name: string): boolean {
  return (machine === "amd64" && name === "386") || (machine === "arm64" && name === "arm");
}

/** `7.2.22` of `qemu-aarch64 version 7.2.22 (Debian …)`; of one that will not say, `of unknown version`. */
async function versionOf(qemu: string, path: string, signal: AbortSignal): Promise<string> {
  try {
    const { stdout } = await run([qemu, "--version"], { env: { PATH: path, LC_ALL: "C" }, signal, timeout: 5000 });
    return /version (\d\S*)/.exec(stdout)?.[1] ?? "of unknown version";
  } catch (error) {
    signal.throwIfAborted();
    return `of unknown version (${messageOf(error)})`;
  }
}

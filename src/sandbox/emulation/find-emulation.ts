import { closeSync, openSync, readSync } from "node:fs";
import { messageOf } from "../../base/errors.ts";
import { run } from "../../sys/run.ts";
import { ELF_HEADERS_BYTES, readElfInterpreter } from "../../verify/elf-interpreter.ts";
import { fakeRootWorks } from "../fake-root/fake-root.ts";
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
  /**
   * What the sandbox is made of: `traced` is proot, whose programs the kernel's handlers never see;
   * `plain` has no user namespace of its own. Default: namespaces, where they can be had.
   */
  readonly sandbox?: "traced" | "plain" | undefined;
}

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
  const all: Ways = { host: options.sandbox !== "traced", own: options.sandbox === undefined };
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
  { machine, path, signal }: EmulationOptions,
): Promise<Emulation> {
  const handler = hostHandler(architecture);
  const reasons: string[] = [];
  const present = await asItIs(probe, handler, isSibling(machine, architecture.name), ways, reasons);
  if (present !== undefined) return present;
  const candidates = findQemu(architecture, path);
  if (candidates.length === 0)
    reasons.push(`there is no qemu-${architecture.qemu}-static or qemu-${architecture.qemu}`);
  if (ways.own) {
    for (const qemu of candidates) {
      const trial = await probe.own(qemu, true);
      if (!trial.runs) reasons.push(`a handler of our own for ${qemu}: ${trial.reason}`);
      else return { kind: "own", qemu: await describe(architecture, qemu, !trial.shifted, path, signal) };
    }
  }
  for (const qemu of candidates) {
    const trial = await traced(probe, qemu);
    if (trial.runs) return { kind: "proot", qemu: await describe(architecture, qemu, true, path, signal) };
    reasons.push(trial.reason);
  }
  return { kind: "none", reasons };
}

/** The tracer of rung proot starts the emulator for each program, in a root that has nothing it could be linked with. */
async function traced(probe: Probe, qemu: string): Promise<Trial> {
  if (!fakeRootWorks()) return { runs: false, reason: "there is no tracer for this processor" };
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

/** By the processor or a handler that is there; else what is wrong with it. */
async function asItIs(
  probe: Probe,
  handler: HostHandler | undefined,
  sibling: boolean,
  ways: Ways,
  reasons: string[],
): Promise<Emulation | undefined> {
  // A tracer knows the calls of one kind of program only.
  if (!ways.host) return undefined;
  const isNative = sibling && handler === undefined;
  const alone = await probe.alone();
  if (alone.runs && isNative) return { kind: "native" };
  if (alone.runs) return { kind: "host", handler: handler?.name, interpreter: handler?.interpreter };
  const here = await probe.here();
  if (!here.runs) reasons.push("the host has no handler for it");
  else if (handler === undefined || handler.flags.includes("F"))
    reasons.push(`what runs it on the host does not in a root of its own: ${alone.reason}`);
  else reasons.push(`the host's handler ${handler.name} lacks flag F and works in no root but the host's`);
  return undefined;
}

/** 32-bit programs, which many processors of the 64-bit kind run, and some do not. */
function isSibling(machine: string, name: string): boolean {
  return (machine === "amd64" && name === "386") || (machine === "arm64" && name === "arm");
}

async function describe(
  { name }: ElfArchitecture,
  qemu: string,
  keepsName: boolean,
  path: string,
  signal: AbortSignal,
): Promise<Qemu> {
  return { architecture: name, path: qemu, version: await versionOf(qemu, path, signal), keepsName };
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

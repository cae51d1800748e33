import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { RUN_CAPABILITIES } from "../src/sandbox/capabilities.ts";
import type { LinuxSeccomp } from "../src/sandbox/oci-spec.ts";
import { profileProgram } from "../src/sandbox/seccomp/compile.ts";
import { MACHINES } from "../src/sandbox/seccomp/machines.ts";
import type { Machine } from "../src/sandbox/seccomp/machines.ts";
import { seccompProfile } from "../src/sandbox/seccomp/profile.ts";
import { ALLOW, failWith } from "../src/sys/bpf.ts";
import type { Instruction } from "../src/sys/bpf.ts";
import { requireKoffi } from "../src/sys/load-syscalls.ts";
import { runProgram } from "../src/sys/testing/run-program.ts";

/** Of <seccomp.h>. */
const NUMBERS: Readonly<Record<string, number>> = {
  SCMP_ARCH_X86_64: 0xc000_003e,
  SCMP_ARCH_X32: 0x4000_003e,
  SCMP_ARCH_X86: 0x4000_0003,
  SCMP_ARCH_AARCH64: 0xc000_00b7,
  SCMP_ARCH_ARM: 0x4000_0028,
};
const ENOSYS = 38;
/** Higher than the last of x32's own. */
const LAST = 548;

/** First arguments: families of sockets, execution domains, flags of clone(2), and what is beyond 32 bits. */
const FIRST = [0, 1, 8, 16, 31, 32, 35, 37, 38, 39, 40, 41, 43, 63, 0x11, 0x20000, 0x20008, 0x1000_0011, 0xffff_ffff]
  .map(BigInt)
  .concat([0x1_0000_0008n, 0x1_0000_0026n, 0x1_0000_0028n, 2n ** 64n - 1n]);

const library = loadLibrary();
if (library === undefined) console.warn("filters are not compared with libseccomp's: it is not installed");

/** Ours has the same numbers and answers as the program that the runtimes' own library makes of the same profile. */
describe.skipIf(library === undefined).each(["amd64", "arm64"])("as libseccomp has it on %s", (architecture) => {
  const profile = seccompProfile(architecture, RUN_CAPABILITIES) as LinuxSeccomp;
  const machines = profile.architectures.map((name) => ({ name, machine: MACHINES[name] }));

  test("are the numbers, as far as it knows them", () => {
    for (const { name: architectureName, machine } of machines) {
      for (const [name, number] of machine?.numbers ?? []) {
        const theirs = library?.numberOf(architectureName, name) ?? -1;
        // Below 0 it does not know the call, or has it made in another way, as those of socketcall(2).
        if (theirs >= 0) expect(number + (machine?.base ?? 0), `${architectureName} ${name}`).toBe(theirs);
      }
    }
  });

  test("are the answers", () => {
    const ours = profileProgram(profile) ?? [];
    const theirs = library?.compile(profile) ?? [];
    for (const name of profile.architectures) {
      const { numbers, base, audit } = MACHINES[name] as Machine;
      const news = new Set([...numbers].filter(([call]) => library?.numberOf(name, call) === -1).map(([, one]) => one));
      const differences: string[] = [];
      for (let number = 0; number <= LAST; number++) {
        if (news.has(number)) continue;
        for (const first of FIRST) {
          const asked = { number: number + base, machine: audit, args: [first] };
          const [one, other] = [runProgram(ours, asked), runProgram(theirs, asked)];
          // What is newer than the profile is told from the rest by ours only.
          if (one !== other && one !== failWith(ENOSYS)) differences.push(`${number} of ${first}: ${one} ${other}`);
        }
      }
      expect(differences, name).toEqual([]);
    }
  });
});

interface Library {
  numberOf(architecture: string, name: string): number;
  compile(profile: LinuxSeccomp): readonly Instruction[];
}

function loadLibrary(): Library | undefined {
  const koffi = requireKoffi();
  try {
    const library = koffi.load("libseccomp.so.2");
    const numberOf = library.func("int seccomp_syscall_resolve_name_arch(uint32_t arch, const char *name)");
    const number = (architecture: string, name: string): number => numberOf(NUMBERS[architecture], name) as number;
    return { numberOf: number, compile: compiler(library) };
  } catch {
    return undefined;
  }
}

type Loaded = ReturnType<ReturnType<typeof requireKoffi>["load"]>;

function compiler(library: Loaded): Library["compile"] {
  const koffi = requireKoffi();
  const comparison = koffi.struct({ arg: "unsigned int", op: "int", a: "uint64_t", b: "uint64_t" });
  const init = library.func("void *seccomp_init(uint32_t action)");
  const removeNative = library.func("int seccomp_arch_remove(void *ctx, uint32_t arch)");
  const addMachine = library.func("int seccomp_arch_add(void *ctx, uint32_t arch)");
  const resolve = library.func("int seccomp_syscall_resolve_name(const char *name)");
  const addRule = library.func("seccomp_rule_add_array", "int", [
    "void *",
    "uint32_t",
    "int",
    "unsigned int",
    koffi.pointer(comparison),
  ]);
  const exportProgram = library.func("int seccomp_export_bpf(void *ctx, int fd)");
  return ({ architectures, syscalls, defaultErrnoRet }) => {
    const context: unknown = init(failWith(defaultErrnoRet));
    removeNative(context, 0);
    for (const name of architectures) expect(addMachine(context, NUMBERS[name])).toBe(0);
    for (const { names, action, errnoRet = 0, args = [] } of syscalls) {
      const tests = args.map(({ index, op, value, valueTwo = 0 }) => ({
        arg: index,
        op: op === "SCMP_CMP_EQ" ? 4 : 7,
        a: value,
        b: valueTwo,
      }));
      const answer = action === "SCMP_ACT_ALLOW" ? ALLOW : failWith(errnoRet);
      for (const name of names) addRule(context, answer, resolve(name), tests.length, tests);
    }
    const directory = mkdtempSync(join(tmpdir(), "manyarch-filter-"));
    try {
      const fd = openSync(join(directory, "program"), "w");
      expect(exportProgram(context, fd)).toBe(0);
      closeSync(fd);
      return instructionsIn(readFileSync(join(directory, "program")));
    } finally {
      rmSync(directory, { recursive: true });
    }
  };
}

function instructionsIn(bytes: Buffer): readonly Instruction[] {
  return Array.from({ length: bytes.length / 8 }, (_, index) => {
    const at = 8 * index;
    return [bytes.readUInt16LE(at), bytes.readUInt8(at + 2), bytes.readUInt8(at + 3), bytes.readUInt32LE(at + 4)];
  });
}

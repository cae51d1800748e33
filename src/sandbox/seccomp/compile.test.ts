import fc from "fast-check";
import { expect, test } from "vitest";
import { runProgram } from "../../sys/testing/run-program.ts";
import { ALLOW, failWith } from "../../sys/bpf.ts";
import { RUN_CAPABILITIES } from "../capabilities.ts";
import type { LinuxSeccomp, SeccompArgument } from "../oci-spec.ts";
import { compileProfile, profileProgram } from "./compile.ts";
import { MACHINES } from "./machines.ts";
import type { Machine } from "./machines.ts";
import { seccompProfile } from "./profile.ts";

const EPERM = 1;
const ENOSYS = 38;

const forRun = profileOf("amd64", RUN_CAPABILITIES);
const profiles = [
  ["amd64", forRun],
  ["arm64", profileOf("arm64", RUN_CAPABILITIES)],
  ["amd64 for an administrator", profileOf("amd64", [...RUN_CAPABILITIES, "CAP_SYS_ADMIN", "CAP_BPF", "CAP_SYS_TIME"])],
] as const;

/** Values on both sides of all that the profile compares with. */
const argument = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.integer({ min: 0, max: 64 }).map(BigInt),
  fc.constantFrom(0n, 8n, 0x20000n, 0x20008n, 0xffff_ffffn, 2n ** 64n - 1n, 0x1_0000_0026n, 0x1_0000_0008n),
  fc.integer({ min: 0, max: 31 }).map((bit) => 1n << BigInt(bit)),
);

test.each(profiles)("on %s answers every call as the profile says", (_, profile) => {
  const program = profileProgram(profile) ?? [];
  const machines = profile.architectures.map((name) => MACHINES[name] as Machine);
  const known = [...new Set(machines.flatMap(({ numbers }) => [...numbers.values()]))];
  const number = fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...known) }, fc.integer({ min: 0, max: 600 }));
  const call = fc.record({
    machine: fc.constantFrom(...machines),
    number,
    args: fc.array(argument, { minLength: 6, maxLength: 6 }),
  });
  fc.assert(
    fc.property(call, ({ machine, number, args }) => {
      const asked = { number: machine.base + number, machine: machine.audit, args };
      expect(runProgram(program, asked)).toBe(expected(profile, machine, number, args));
    }),
    { numRuns: 3000 },
  );
});

test.each(profiles)("on %s answers each call of the table with each family and flag", (_, profile) => {
  const program = profileProgram(profile) ?? [];
  const first = [...Array(70).keys(), 2 ** 31, 0xffff_ffff].map(BigInt);
  for (const machine of profile.architectures.map((name) => MACHINES[name] as Machine)) {
    for (const [name, number] of machine.numbers) {
      const values = ["socket", "personality", "clone"].includes(name) ? first : [0n];
      for (const value of values) {
        const args = [value, 0n, 0n, 0n, 0n, 0n];
        const asked = { number: machine.base + number, machine: machine.audit, args };
        expect(runProgram(program, asked), `${name} ${value}`).toBe(expected(profile, machine, number, args));
      }
    }
  }
});

test.each([
  ["read", [], ALLOW],
  ["unshare", [], failWith(EPERM)],
  ["mount", [], failWith(EPERM)],
  ["keyctl", [], failWith(EPERM)],
  ["clone", [17n], ALLOW],
  ["clone with CLONE_NEWUSER", [0x1000_0011n], failWith(EPERM)],
  ["clone3", [], failWith(ENOSYS)],
  ["socket of AF_INET", [2n], ALLOW],
  ["socket of AF_ALG", [38n], failWith(EPERM)],
  ["socket of AF_ALG with a bit that the kernel takes away", [0x1_0000_0026n], failWith(EPERM)],
  ["socket of AF_VSOCK", [40n], failWith(EPERM)],
  ["personality of another system", [0x8000_0000n], failWith(EPERM)],
] as const)("%s, on x86-64", (call, args, answer) => {
  const number = { keyctl: 250 }[call as string] ?? MACHINES["SCMP_ARCH_X86_64"]?.numbers.get(call.split(" ")[0] ?? "");
  const asked = { number: number ?? -1, machine: 0xc000_003e, args };
  expect(runProgram(profileProgram(forRun) ?? [], asked)).toBe(answer);
});

test("calls that are newer than the profile are told from those that it denies", () => {
  const program = profileProgram(forRun) ?? [];
  for (const machine of [0xc000_003e, 0x4000_0003]) {
    expect(runProgram(program, { number: 466, machine })).toBe(ALLOW);
    expect(runProgram(program, { number: 467, machine })).toBe(failWith(ENOSYS));
    expect(runProgram(program, { number: 425, machine })).toBe(failWith(EPERM));
  }
  // Also on the machine that has calls of its own with much higher numbers.
  const arm = { machine: 0x4000_0028 };
  const ofArm = profileProgram(profileOf("arm64", RUN_CAPABILITIES)) ?? [];
  expect(runProgram(ofArm, { ...arm, number: 467 })).toBe(failWith(ENOSYS));
  expect(runProgram(ofArm, { ...arm, number: 0xf_0005 })).toBe(ALLOW);
});

test("a call is decided within a few steps, and the kernel takes the program", () => {
  const program = profileProgram(forRun) ?? [];
  expect(program.length).toBeLessThan(1000);
  expect(program.every(([, so, not]) => so <= 255 && not <= 255)).toBe(true);
  expect(Buffer.from(compileProfile(forRun) ?? "", "base64")).toHaveLength(8 * program.length);
});

test("a machine whose numbers are not known gets no program rather than half of one", () => {
  expect(compileProfile(profileOf("riscv64", RUN_CAPABILITIES))).toBeUndefined();
});

function profileOf(architecture: string, capabilities: readonly string[]): LinuxSeccomp {
  const profile = seccompProfile(architecture, capabilities);
  if (profile === undefined) throw new Error(`there is no profile for ${architecture}`);
  return profile;
}

/** What the rules say, by their text. */
function expected(profile: LinuxSeccomp, machine: Machine, number: number, args: readonly bigint[]): number {
  const names = new Set([...machine.numbers].flatMap(([name, one]) => (one === number ? [name] : [])));
  const rules = profile.syscalls.filter((rule) => rule.names.some((name) => names.has(name)));
  const rule = rules.find((one) => (one.args ?? []).every((test) => holds(test, machine, args)));
  if (rule !== undefined) return rule.action === "SCMP_ACT_ALLOW" ? ALLOW : failWith(rule.errnoRet ?? 0);
  const named = profile.syscalls.flatMap((one) => one.names.flatMap((name) => machine.numbers.get(name) ?? []));
  const newer = number < 0xf_0000 && named.every((one) => one < number || one >= 0xf_0000);
  return failWith(rules.length === 0 && (newer || number > Math.max(...named)) ? ENOSYS : EPERM);
}

function holds({ index, op, value, valueTwo }: SeccompArgument, { wide }: Machine, args: readonly bigint[]): boolean {
  const given = BigInt.asUintN(wide ? 64 : 32, args[index] ?? 0n);
  return op === "SCMP_CMP_EQ" ? given === BigInt(value) : (given & BigInt(value)) === BigInt(valueTwo ?? 0);
}

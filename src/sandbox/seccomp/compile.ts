import { ALLOW, BPF, CALL, failWith, programBytes } from "../../sys/bpf.ts";
import type { Instruction } from "../../sys/bpf.ts";
import type { LinuxSeccomp, SeccompArgument, SeccompRule } from "../oci-spec.ts";
import { MACHINES } from "./machines.ts";
import type { Machine } from "./machines.ts";

/** Instructions that end in an answer, however they are gone through. */
type Block = readonly Instruction[];

/** Numbers from this one on, up to the next range. */
interface Range {
  readonly from: number;
  readonly block: Block;
}

const ENOSYS = 38;
/** 32-bit ARM has calls of its own from here on: no later call gets such a number. */
const OWN_CALLS = 0xf_0000;
/** A conditional jump skips no more. */
const MAX_SKIP = 255;
const ALL_BITS = 0xffff_ffff;

/**
 * The program of `profile`, base64 of what seccomp(2) takes: the same in meaning as the one that a runtime has
 * libseccomp make. A call that is newer than all of the profile answers ENOSYS, as runc has it, so that programs
 * take the older way. Undefined for machines whose numbers are not known here.
 *
 * The numbers are looked up by halves. Since Linux 5.11 the kernel remembers those that are always allowed, so
 * that they cost nothing.
 */
export function compileProfile(profile: LinuxSeccomp): string | undefined {
  const program = profileProgram(profile);
  return program && programBytes(program).toString("base64");
}

/** @see {@link compileProfile} */
export function profileProgram(profile: LinuxSeccomp): readonly Instruction[] | undefined {
  const machines = profile.architectures.flatMap((name) => MACHINES[name] ?? []);
  if (machines.length < profile.architectures.length) return undefined;
  const kernels = [...Map.groupBy(machines, ({ audit }) => audit)];
  return [
    [BPF.LOAD, 0, 0, CALL.machine],
    ...kernels.flatMap(([audit, group]) => {
      const ranges = group.toSorted((a, b) => a.base - b.base).flatMap((machine) => rangesOf(machine, profile));
      return when(BPF.IF_EQUAL, audit, [[BPF.LOAD, 0, 0, CALL.number], ...choose(ranges)]);
    }),
    // The kernel has no other machines.
    answer(failWith(profile.defaultErrnoRet)),
  ];
}

/** All numbers of `machine` from its base on, in order; neighbours differ. */
function rangesOf(machine: Machine, profile: LinuxSeccomp): readonly Range[] {
  const rules = rulesByNumber(machine, profile);
  const numbers = [...rules.keys()].sort((a, b) => a - b);
  const newest = numbers.findLast((number) => number < OWN_CALLS) ?? 0;
  const allowed: Block = [answer(ALLOW)];
  const denied: Block = [answer(failWith(profile.defaultErrnoRet))];
  const unknown: Block = [answer(failWith(ENOSYS))];
  const ranges: Range[] = [];
  const add = (number: number, block: Block): void => {
    if (ranges.at(-1)?.block !== block) ranges.push({ from: machine.base + number, block });
  };
  let next = 0;
  for (const number of numbers) {
    if (number > next) add(next, next > newest ? unknown : denied);
    const found = rules.get(number) ?? [];
    const always = found.find(({ args = [] }) => args.length === 0);
    if (always !== undefined) add(number, always.action === "SCMP_ACT_ALLOW" ? allowed : ruleAnswer(always));
    else add(number, [...found.flatMap((rule) => tryRule(rule, machine)), ...denied]);
    next = number + 1;
  }
  add(next, unknown);
  return ranges;
}

function rulesByNumber({ numbers }: Machine, { syscalls }: LinuxSeccomp): ReadonlyMap<number, readonly SeccompRule[]> {
  const found = syscalls.flatMap((rule) =>
    rule.names.flatMap((name) => {
      const number = numbers.get(name);
      return number === undefined ? [] : [{ number, rule }];
    }),
  );
  const groups = Map.groupBy(found, ({ number }) => number);
  return new Map([...groups].map(([number, group]) => [number, group.map(({ rule }) => rule)]));
}

/** Answers where all tests hold, else goes on behind it. */
function tryRule(rule: SeccompRule, machine: Machine): Block {
  return (rule.args ?? []).flatMap((test) => halves(test, machine)).reduceRight(whenBits, ruleAnswer(rule));
}

function ruleAnswer({ action, errnoRet = 0 }: SeccompRule): Block {
  return [answer(action === "SCMP_ACT_ALLOW" ? ALLOW : failWith(errnoRet))];
}

interface BitTest {
  readonly offset: number;
  readonly mask: number;
  readonly value: number;
}

/** What a test says of either half of an argument; 32-bit programs have only the low one. */
function halves({ index, op, value, valueTwo = 0 }: SeccompArgument, { wide }: Machine): readonly BitTest[] {
  const [mask, expected] = op === "SCMP_CMP_EQ" ? [~0n, BigInt(value)] : [BigInt(value), BigInt(valueTwo)];
  const offset = CALL.argument(index);
  const low = { offset, mask: low32(mask), value: low32(expected) };
  const high = { offset: offset + 4, mask: low32(mask >> 32n), value: low32(expected >> 32n) };
  return (wide ? [high, low] : [low]).filter((half) => half.mask !== 0);
}

function whenBits(then: Block, { offset, mask, value }: BitTest): Block {
  const masked: Block = mask === ALL_BITS ? [] : [[BPF.AND, 0, 0, mask]];
  return [[BPF.LOAD, 0, 0, offset], ...masked, ...when(BPF.IF_EQUAL, value, then)];
}

function choose(ranges: readonly Range[]): Block {
  const half = ranges.length >> 1;
  const [first, middle] = [ranges[0], ranges[half]];
  if (half === 0 || middle === undefined) return first?.block ?? [];
  return [...when(BPF.IF_AT_LEAST, middle.from, choose(ranges.slice(half))), ...choose(ranges.slice(0, half))];
}

function when(code: number, operand: number, then: Block): Block {
  if (then.length <= MAX_SKIP) return [[code, 0, then.length, operand], ...then];
  return [[code, 1, 0, operand], [BPF.SKIP, 0, 0, then.length], ...then];
}

function answer(value: number): Instruction {
  return [BPF.RETURN, 0, 0, value];
}

function low32(value: bigint): number {
  return Number(value & 0xffff_ffffn);
}

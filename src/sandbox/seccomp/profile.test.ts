import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { RUN_CAPABILITIES } from "../capabilities.ts";
import { seccompProfile } from "./profile.ts";

/** Docker's default profile, with which ours is compared in meaning. */
const REFERENCE = new URL("../../../../shared/conformance/schemas/moby-seccomp-default.json", import.meta.url);

interface ReferenceRule {
  readonly names: readonly string[];
  readonly action: string;
  readonly errnoRet?: number | undefined;
  readonly args?: readonly ReferenceArgument[] | undefined;
  readonly includes?: { readonly caps?: readonly string[]; readonly arches?: readonly string[] };
  readonly excludes?: { readonly caps?: readonly string[]; readonly arches?: readonly string[] };
}

interface ReferenceArgument {
  readonly index: number;
  readonly value: number;
  readonly valueTwo?: number | undefined;
  readonly op: string;
}

const DOCKER_NAMES: Readonly<Record<string, string>> = { "386": "x86" };
const MACHINES = ["amd64", "arm64", "arm", "386", "ppc64le", "riscv64", "s390x"];

test.skipIf(!existsSync(REFERENCE)).each(MACHINES)("on %s it means what Docker's default profile means", (machine) => {
  const reference = JSON.parse(readFileSync(REFERENCE, "utf8")) as { readonly syscalls: readonly ReferenceRule[] };
  const sets: readonly (readonly string[])[] = [
    RUN_CAPABILITIES,
    [...RUN_CAPABILITIES, "CAP_SYS_ADMIN", "CAP_SYS_PTRACE", "CAP_BPF"],
  ];
  for (const capabilities of sets) {
    const name = DOCKER_NAMES[machine] ?? machine;
    const theirs = reference.syscalls.filter(({ includes, excludes }) => {
      if (includes?.caps?.some((capability) => !capabilities.includes(capability)) === true) return false;
      if (includes?.arches !== undefined && !includes.arches.includes(name)) return false;
      if (excludes?.caps?.some((capability) => capabilities.includes(capability)) === true) return false;
      return excludes?.arches?.includes(name) !== true;
    });
    expect(meaning(seccompProfile(machine, capabilities)?.syscalls ?? [])).toEqual(meaning(theirs));
  }
});

test("namespaces cannot be entered and the kernel's crypto sockets cannot be opened", () => {
  const rules = seccompProfile("amd64", RUN_CAPABILITIES)?.syscalls ?? [];
  const named = (name: string) => rules.filter(({ names }) => names.includes(name));
  for (const name of ["unshare", "mount", "setns", "bpf", "keyctl", "add_key", "io_uring_setup", "kexec_load"])
    expect(named(name)).toEqual([]);
  expect(named("clone3")).toEqual([{ names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: 38 }]);
});

test("a machine that is not known gets no filter rather than a wrong one", () => {
  expect(seccompProfile("alpha", RUN_CAPABILITIES)).toBeUndefined();
});

/** One line for each call and condition, so that grouping and order do not matter; of sockets, for each family. */
function meaning(rules: readonly ReferenceRule[]): readonly string[] {
  const lines = rules.flatMap(({ names, action, errnoRet, args = [] }) =>
    names.flatMap((name) => {
      const told = `${name} ${action} ${errnoRet ?? ""}`;
      if (name === "socket")
        return FAMILIES.filter((family) => args.every(holds(family))).map((one) => `${told} ${one}`);
      return `${told} ${args.map(({ index, op, value }) => `${index} ${op} ${value}`).join()}`;
    }),
  );
  return [...new Set(lines)].sort();
}

/** More than Linux has. */
const FAMILIES = [...Array(64).keys()];

function holds(given: number): (test: ReferenceArgument) => boolean {
  return ({ value, valueTwo = 0, op }) => {
    switch (op) {
      case "SCMP_CMP_LT":
        return given < value;
      case "SCMP_CMP_EQ":
        return given === value;
      case "SCMP_CMP_GT":
        return given > value;
      case "SCMP_CMP_MASKED_EQ":
        return (given & value) >>> 0 === valueTwo;
    }
    throw new Error(`no test is called ${op}`);
  };
}

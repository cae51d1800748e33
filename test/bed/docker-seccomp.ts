import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Docker's default profile, beside the checkout. */
export const DOCKER_PROFILE = fileURLToPath(
  new URL("../../../shared/conformance/schemas/moby-seccomp-default.json", import.meta.url),
);

interface Condition {
  readonly caps?: readonly string[];
  readonly arches?: readonly string[];
}

interface Rule {
  readonly names: readonly string[];
  readonly action: string;
  readonly args?: readonly object[];
  readonly errnoRet?: number;
  readonly includes?: Condition;
  readonly excludes?: Condition;
}

interface Profile {
  readonly defaultAction: string;
  readonly defaultErrnoRet?: number;
  readonly syscalls: readonly Rule[];
}

const ARCH = process.arch === "arm64" ? "arm64" : "amd64";
const ARCHITECTURES: Readonly<Record<string, readonly string[]>> = {
  amd64: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
  arm64: ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
};

/** The profile as Docker hands it to a runtime for a container with these capabilities. */
export function seccompOf(capabilities: readonly string[]): object {
  const profile = JSON.parse(readFileSync(DOCKER_PROFILE, "utf8")) as Profile;
  const syscalls = profile.syscalls.filter(({ includes, excludes }) => {
    const { caps = [], arches } = includes ?? {};
    if (!caps.every((one) => capabilities.includes(one))) return false;
    if (arches !== undefined && !arches.includes(ARCH)) return false;
    return !(excludes?.caps?.some((one) => capabilities.includes(one)) || excludes?.arches?.includes(ARCH));
  });
  return {
    defaultAction: profile.defaultAction,
    defaultErrnoRet: profile.defaultErrnoRet,
    architectures: ARCHITECTURES[ARCH],
    syscalls: syscalls.map(({ names, action, args, errnoRet }) => ({
      names,
      action,
      ...(args !== undefined && { args }),
      ...(errnoRet !== undefined && { errnoRet }),
    })),
  };
}

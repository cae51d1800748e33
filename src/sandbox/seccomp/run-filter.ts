import { capabilityNumbers, permittedIn } from "../capability-numbers.ts";
import { compileProfile } from "./compile.ts";
import { seccompProfile } from "./profile.ts";

/**
 * The filter of RUNs with `capabilities`, as seccomp(2) takes it and in base64. It is compiled when it is first asked
 * for, which takes some ten milliseconds. Undefined for a machine that {@link compileProfile} does not know.
 */
export function runFilter(architecture: string, capabilities: readonly string[]): () => string | undefined {
  let made: { readonly filter: string | undefined } | undefined;
  const make = (): string | undefined => {
    const profile = seccompProfile(architecture, capabilities);
    return profile && compileProfile(profile);
  };
  return () => (made ??= { filter: make() }).filter;
}

/**
 * Whether the process with this text of `/proc/self/status` may give itself a filter and nothing else. Without
 * CAP_SYS_ADMIN the kernel wants no_new_privs for it, and then sudo(8) and its like would be of no use in a RUN.
 */
export function mayFilter(status: string): boolean {
  return /^Seccomp:/m.test(status) && capabilityNumbers(["CAP_SYS_ADMIN"], permittedIn(status)).length > 0;
}

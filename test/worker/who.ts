import { missingForNamespaces, runsAsRoot, unprivilegedUser, type BedUser } from "../bed/user.ts";

/** Whom workers of tests work for. */
export const ROOT: BedUser = { name: "root", uid: 0, gid: 0, home: "/root" };
export const USER: BedUser = unprivilegedUser();
/** Those that can be had: root only where tests run as root. */
export const EACH: readonly BedUser[] = runsAsRoot ? [ROOT, USER] : [USER];

/** Whether `tests` cannot run here, which is said once. `missing` is what else they need, where it is not there. */
export function skipped(tests: string, missing?: string): boolean {
  const reason = missing ?? missingForNamespaces(USER);
  if (reason !== undefined) console.warn(`${tests} are skipped: ${reason}`);
  return reason !== undefined;
}

import { delimiter, isAbsolute } from "node:path";

const SYSTEM_PATH = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/** The user's PATH as far as it cannot mean another directory elsewhere, then the system's. */
export function searchPath(path: string | undefined): string {
  const own = (path ?? "").split(delimiter).filter((directory) => isAbsolute(directory));
  return [...new Set([...own, ...SYSTEM_PATH])].join(delimiter);
}

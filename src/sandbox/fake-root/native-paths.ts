import type { Files } from "./files.ts";
import { AT_FDCWD, ERRNO } from "./places.ts";
import type { Place, Places } from "./places.ts";

/**
 * Paths of programs whose root and mounts the kernel knows: they are reached by the way of /proc/PID/root,
 * with their links followed here, as the kernel would follow absolute ones to our own root.
 */
export function nativePaths(files: Files): Places {
  return {
    translates: false,
    find: ({ tid }, at, path, follow) => {
      const start = path.startsWith("/") ? "" : startOf(files, tid, at);
      return start === undefined ? "native" : typeof start === "number" ? start : walk(files, tid, start, path, follow);
    },
    guestName: () => undefined,
    forget: () => {},
  };
}

const MAX_LINKS = 40;
const LINK = 0o120000;
const TYPE = 0o170000;

/** The directory that a relative path begins in, below the root; undefined where that cannot be told. */
function startOf(files: Files, tid: number, at: number): string | number | undefined {
  const host = files.readLink(at === AT_FDCWD ? `/proc/${tid}/cwd` : `/proc/${tid}/fd/${at}`);
  if (typeof host === "number") return at === AT_FDCWD ? undefined : -ERRNO.EBADF;
  const root = files.readLink(`/proc/${tid}/root`);
  if (typeof root === "number" || !host.startsWith("/")) return undefined;
  const prefix = root === "/" ? "" : root;
  return host === prefix ? "" : host.startsWith(`${prefix}/`) ? host.slice(prefix.length) : undefined;
}

function walk(files: Files, tid: number, start: string, path: string, follow: boolean): Place | number | "native" {
  const root = `/proc/${tid}/root`;
  const rest = path.split("/").reverse();
  const mustBeDirectory = path.endsWith("/");
  let guest = start;
  let links = 0;
  let mode: number | undefined = 0o040755;
  for (let name = rest.pop(); name !== undefined; name = rest.pop()) {
    if (name === "" || name === ".") continue;
    const parent = guest;
    guest = name === ".." ? parent.slice(0, Math.max(0, parent.lastIndexOf("/"))) : `${parent}/${name}`;
    // The kernel knows best what the links of /proc lead to.
    if (guest === "/proc") return "native";
    const state = files.look(root + guest, false);
    const isLast = rest.every((later) => later === "" || later === ".");
    if (typeof state === "number") {
      if (state !== -ERRNO.ENOENT || !isLast) return state;
      mode = undefined;
      break;
    }
    mode = state.mode;
    if ((mode & TYPE) !== LINK || (isLast && !follow && !mustBeDirectory)) continue;
    if (++links > MAX_LINKS) return -ERRNO.ELOOP;
    const target = files.readLink(root + guest);
    if (typeof target === "number") return target;
    rest.push(...target.split("/").reverse());
    guest = target.startsWith("/") ? "" : parent;
  }
  return {
    host: `${root}${guest === "" ? "/." : guest}`,
    guest: guest === "" ? "/" : guest,
    mode,
    readOnly: false,
    throughLink: false,
  };
}

import type { Files } from "../fake-root/files.ts";
import { AT_FDCWD, ERRNO, FILE_TYPE } from "../fake-root/places.ts";
import type { Place, Places } from "../fake-root/places.ts";
import type { Tracee } from "../fake-root/tracee.ts";
import { ProcessLinks } from "./process-links.ts";

/** A file or directory of the machine's that is seen at a place of the guest's. */
export interface Binding {
  readonly host: string;
  /** Absolute and without links; what it covers need not be there. */
  readonly guest: string;
  readonly readOnly: boolean;
}

export interface GuestOptions {
  /** The root directory of the guest, absolute and without links. */
  readonly root: string;
  readonly bindings: readonly Binding[];
  readonly files: Files;
  readonly tracees: ReadonlyMap<number, Tracee>;
}

const MAX_LINKS = 40;
const MAX_NAME = 255;

/** A directory of the guest's and where it is. */
interface Directory {
  readonly guest: string;
  readonly host: string;
}

/**
 * Paths below a directory that programs take for `/`. The kernel knows nothing of it: their current
 * directories are those of the machine, and each path is followed here, link by link.
 */
export function guestPaths(options: GuestOptions): Places {
  const walker = new Walker(options);
  return {
    find: (tracee, at, path, follow) => {
      const start = path.startsWith("/") ? undefined : walker.directoryOf(tracee, at);
      return typeof start === "number" ? start : walker.walk(tracee, start, path, follow);
    },
    guestName: (host) => walker.guestName(host),
    forget: () => walker.forget(),
  };
}

class Walker {
  readonly #root: string;
  readonly #files: Files;
  readonly #links: ProcessLinks;
  readonly #bindings: ReadonlyMap<string, Binding>;
  /** Longest host paths first. */
  readonly #byHost: readonly Binding[];
  /** Directories of the guest that are no links, to where they are. Only those that change by calls that we see. */
  readonly #known = new Map<string, string>();

  constructor({ root, bindings, files, tracees }: GuestOptions) {
    this.#root = root;
    this.#files = files;
    this.#links = new ProcessLinks(tracees, files, (host) => this.guestName(host));
    this.#bindings = new Map(bindings.map((binding) => [binding.guest, binding]));
    this.#byHost = bindings.toSorted((a, b) => b.host.length - a.host.length);
  }

  forget(): void {
    this.#known.clear();
  }

  /** Where a relative path begins, or an errno. */
  directoryOf({ tid }: Tracee, at: number): Directory | number {
    const link = at === AT_FDCWD ? `/proc/${tid}/cwd` : `/proc/${tid}/fd/${at}`;
    const host = this.#files.readLink(link);
    if (typeof host === "number") return at === AT_FDCWD ? host : -ERRNO.EBADF;
    const guest = this.guestName(host);
    if (guest === undefined) return host.startsWith("/") ? -ERRNO.ENOENT : -ERRNO.ENOTDIR;
    return { guest: guest === "/" ? "" : guest, host };
  }

  guestName(host: string): string | undefined {
    for (const { host: from, guest } of this.#byHost) {
      const rest = restBelow(from, host);
      if (rest !== undefined) return guest + rest;
    }
    const rest = restBelow(this.#root, host);
    return rest === "" ? "/" : rest;
  }

  walk(tracee: Tracee, start: Directory | undefined, path: string, follow: boolean): Place | number {
    const rest = path.split("/").reverse();
    const isDirectory = path.endsWith("/");
    let { guest, host } = start ?? { guest: "", host: this.#root };
    let links = 0;
    let asWritten = start !== undefined;
    for (let name = rest.pop(); name !== undefined; name = rest.pop()) {
      if (name === "" || name === ".") continue;
      if (name === "..") {
        asWritten = false;
        guest = guest.slice(0, Math.max(0, guest.lastIndexOf("/")));
        host = this.#hostOf(guest);
        continue;
      }
      if (name.length > MAX_NAME) return -ERRNO.ENAMETOOLONG;
      const parentHost = host;
      const parent = guest;
      guest = `${guest}/${name}`;
      const known = this.#known.get(guest);
      if (known !== undefined) {
        host = known;
        continue;
      }
      const binding = this.#bindings.get(guest);
      if (binding !== undefined) asWritten = false;
      host = binding?.host ?? `${host === "/" ? "" : host}/${name}`;
      const isLast = rest.every((later) => later === "" || later === ".");
      const special = parent.startsWith("/proc") ? this.#links.of(tracee, parent, name) : undefined;
      if (typeof special === "number") return special;
      if (special !== undefined) {
        if (isLast && !follow && !isDirectory)
          return this.#place(guest, host, FILE_TYPE.link | 0o777, { linkText: special.text });
        if (special.isOpenFile && isLast) return this.#place(guest, host, FILE_TYPE.regular, { throughLink: true });
        if (special.text === undefined || !special.text.startsWith("/")) return -ERRNO.ENOTDIR;
        if (++links > MAX_LINKS) return -ERRNO.ELOOP;
        rest.push(...special.text.split("/").reverse());
        [guest, host, asWritten] = ["", this.#root, false];
        continue;
      }
      const mode = this.#mode(host);
      if (mode < 0) {
        if (mode !== -ERRNO.ENOENT || !isLast) return mode;
        return this.#place(guest, host, undefined, { asWritten });
      }
      const type = mode & FILE_TYPE.mask;
      if (type === FILE_TYPE.link && (!isLast || follow || isDirectory)) {
        if (++links > MAX_LINKS) return -ERRNO.ELOOP;
        const target = this.#files.readLink(host);
        if (typeof target === "number") return target;
        asWritten = false;
        rest.push(...target.split("/").reverse());
        [guest, host] = target.startsWith("/") ? ["", this.#root] : [parent, parentHost];
        continue;
      }
      if (type === FILE_TYPE.directory) {
        if (!guest.startsWith("/proc") && binding === undefined) this.#known.set(guest, host);
      } else if (!isLast || isDirectory) return -ERRNO.ENOTDIR;
      if (isLast) return this.#place(guest, host, mode, { asWritten: asWritten || host === path });
    }
    return this.#place(guest, host, FILE_TYPE.directory | 0o755, { asWritten });
  }

  #place(guest: string, host: string, mode: number | undefined, more: Partial<Place>): Place {
    return {
      guest: guest === "" ? "/" : guest,
      host,
      mode,
      readOnly: this.#isReadOnly(guest),
      mountPoint: guest === "" || this.#bindings.has(guest),
      throughLink: false,
      ...more,
    };
  }

  #mode(host: string): number {
    const state = this.#files.look(host, false);
    return typeof state === "number" ? state : state.mode;
  }

  #hostOf(guest: string): string {
    if (guest === "") return this.#root;
    const known = this.#known.get(guest) ?? this.#bindings.get(guest)?.host;
    if (known !== undefined) return known;
    const slash = guest.lastIndexOf("/");
    return this.#hostOf(guest.slice(0, slash)) + guest.slice(slash);
  }

  #isReadOnly(guest: string): boolean {
    for (let at = guest; at !== ""; at = at.slice(0, at.lastIndexOf("/"))) {
      const binding = this.#bindings.get(at);
      if (binding !== undefined) return binding.readOnly;
    }
    return false;
  }
}

/** What is left of `path` below `directory`, with its slash. */
function restBelow(directory: string, path: string): string | undefined {
  if (path === directory) return "";
  const prefix = directory === "/" ? "" : directory;
  return path.startsWith(`${prefix}/`) ? path.slice(prefix.length) : undefined;
}

import type { Files } from "../fake-root/files.ts";
import { AT_FDCWD, ERRNO, FILE_TYPE } from "../fake-root/places.ts";
import type { Place, Places } from "../fake-root/places.ts";
import type { Tracee } from "../fake-root/tracee.ts";
import { ProcessLinks } from "./process-links.ts";
import type { ProcessLink } from "./process-links.ts";

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

/** How far a path has been followed. */
interface Way extends Directory {
  guest: string;
  host: string;
  /** Names that are left, the next one last. */
  readonly rest: string[];
  links: number;
  asWritten: boolean;
}

interface Wanted {
  readonly path: string;
  readonly follow: boolean;
  /** A slash at its end says so. */
  readonly isDirectory: boolean;
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
    const { guest, host } = start ?? { guest: "", host: this.#root };
    const way: Way = { guest, host, rest: path.split("/").reverse(), links: 0, asWritten: start !== undefined };
    const wanted: Wanted = { path, follow, isDirectory: path.endsWith("/") };
    for (let name = way.rest.pop(); name !== undefined; name = way.rest.pop()) {
      if (name === "" || name === ".") continue;
      const found = name === ".." ? this.#leave(way) : this.#enter(tracee, way, name, wanted);
      if (found !== undefined) return found;
    }
    return this.#place(way, FILE_TYPE.directory | 0o755, {});
  }

  #leave(way: Way): undefined {
    way.asWritten = false;
    way.guest = way.guest.slice(0, Math.max(0, way.guest.lastIndexOf("/")));
    way.host = this.#hostOf(way.guest);
  }

  /** Goes on to `name`: undefined where there is more of the way. */
  #enter(tracee: Tracee, way: Way, name: string, wanted: Wanted): Place | number | undefined {
    if (name.length > MAX_NAME) return -ERRNO.ENAMETOOLONG;
    const { guest, host } = way;
    way.guest = `${guest}/${name}`;
    const known = this.#known.get(way.guest);
    way.host = known ?? `${host === "/" ? "" : host}/${name}`;
    if (known !== undefined) return undefined;
    const binding = this.#bindings.get(way.guest);
    if (binding !== undefined) [way.host, way.asWritten] = [binding.host, false];
    const special = guest.startsWith("/proc") ? this.#links.of(tracee, guest, name) : undefined;
    if (typeof special === "number") return special;
    return special === undefined ? this.#look(way, { guest, host }, wanted) : this.#takeLink(way, special, wanted);
  }

  /** What lies at a link of /proc, or whereto it leads. */
  #takeLink(way: Way, link: ProcessLink, { follow, isDirectory }: Wanted): Place | number | undefined {
    const isLast = isAtEnd(way);
    if (isLast && !follow && !isDirectory) return this.#place(way, FILE_TYPE.link | 0o777, { linkText: link.text });
    if (isLast && link.isOpenFile) return this.#place(way, FILE_TYPE.regular, { throughLink: true, asWritten: false });
    if (link.text === undefined || !link.text.startsWith("/")) return -ERRNO.ENOTDIR;
    return this.#turn(way, link.text, { guest: "", host: this.#root });
  }

  #look(way: Way, parent: Directory, { path, follow, isDirectory }: Wanted): Place | number | undefined {
    const isLast = isAtEnd(way);
    const mode = this.#mode(way.host);
    if (mode < 0) return mode === -ERRNO.ENOENT && isLast ? this.#place(way, undefined, {}) : mode;
    const type = mode & FILE_TYPE.mask;
    if (type === FILE_TYPE.link && (!isLast || follow || isDirectory)) {
      const target = this.#files.readLink(way.host);
      return typeof target === "number" ? target : this.#turn(way, target, parent);
    }
    if (type === FILE_TYPE.directory) this.#learn(way);
    else if (!isLast || isDirectory) return -ERRNO.ENOTDIR;
    if (!isLast) return undefined;
    return this.#place(way, mode, { asWritten: way.asWritten || way.host === path });
  }

  /** Goes where a link in the directory `from` leads. */
  #turn(way: Way, target: string, from: Directory): number | undefined {
    if (++way.links > MAX_LINKS) return -ERRNO.ELOOP;
    const { guest, host } = target.startsWith("/") ? { guest: "", host: this.#root } : from;
    [way.guest, way.host, way.asWritten] = [guest, host, false];
    way.rest.push(...target.split("/").reverse());
    return undefined;
  }

  #learn({ guest, host }: Way): void {
    if (!guest.startsWith("/proc") && !this.#bindings.has(guest)) this.#known.set(guest, host);
  }

  #place({ guest, host, asWritten }: Way, mode: number | undefined, more: Partial<Place>): Place {
    return {
      guest: guest === "" ? "/" : guest,
      host,
      mode,
      readOnly: this.#isReadOnly(guest),
      mountPoint: guest === "" || this.#bindings.has(guest),
      throughLink: false,
      asWritten,
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

function isAtEnd({ rest }: Way): boolean {
  return rest.every((name) => name === "" || name === ".");
}

/** What is left of `path` below `directory`, with its slash. */
function restBelow(directory: string, path: string): string | undefined {
  if (path === directory) return "";
  const prefix = directory === "/" ? "" : directory;
  return path.startsWith(`${prefix}/`) ? path.slice(prefix.length) : undefined;
}

import type { Files } from "../fake-root/files.ts";
import { ERRNO } from "../fake-root/places.ts";
import type { Tracee } from "../fake-root/tracee.ts";

/** A link of /proc. */
export interface ProcessLink {
  /** What programs read there; undefined where that is nothing of the guest's. */
  readonly text: string | undefined;
  /** It stands for an open file, and to open it is more than to follow its text. */
  readonly isOpenFile: boolean;
}

const PROCESS = /^\/proc\/(\d+)(?:\/task\/(\d+))?$/;
const DESCRIPTORS = /^\/proc\/(\d+)(?:\/task\/\d+)?\/fd$/;

/** /proc as the guest sees it: its own processes only, and links that lead to what it calls so. */
export class ProcessLinks {
  readonly #tracees: ReadonlyMap<number, Tracee>;
  readonly #files: Files;
  readonly #guestName: (host: string) => string | undefined;

  constructor(tracees: ReadonlyMap<number, Tracee>, files: Files, guestName: (host: string) => string | undefined) {
    this.#tracees = tracees;
    this.#files = files;
    this.#guestName = guestName;
  }

  /** What `name` in the directory `parent` of the guest's is, where it is such a link; an errno where it is hidden. */
  of(tracee: Tracee, parent: string, name: string): ProcessLink | number | undefined {
    if (parent === "/proc") return this.#top(tracee, name);
    const process = PROCESS.exec(parent);
    if (process !== null) return this.#ofProcess(Number(process[2] ?? process[1]), parent, name);
    if (!DESCRIPTORS.test(parent)) return undefined;
    const target = this.#files.readLink(`${parent}/${name}`);
    if (typeof target === "number") return target;
    const text = target.startsWith("/") ? this.#guestName(target) : target;
    return { text, isOpenFile: true };
  }

  #top({ pid, tid }: Tracee, name: string): ProcessLink | number | undefined {
    if (name === "self") return { text: `/proc/${pid}`, isOpenFile: false };
    if (name === "thread-self") return { text: `/proc/${pid}/task/${tid}`, isOpenFile: false };
    return /^\d+$/.test(name) && !this.#tracees.has(Number(name)) ? -ERRNO.ENOENT : undefined;
  }

  #ofProcess(tid: number, parent: string, name: string): ProcessLink | number | undefined {
    switch (name) {
      case "exe":
        return { text: this.#tracees.get(tid)?.program, isOpenFile: false };
      case "root":
        return { text: "/", isOpenFile: false };
      case "cwd": {
        const host = this.#files.readLink(`${parent}/cwd`);
        return typeof host === "number" ? host : { text: this.#guestName(host), isOpenFile: false };
      }
      default:
        return undefined;
    }
  }
}

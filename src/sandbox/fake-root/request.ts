import type { Reach } from "../../sys/trace/landlock.ts";
import type { Binding } from "../proot/guest-paths.ts";

/** What the tracing process is given, as a file; it answers by another one beside it. */
export interface TraceRequest {
  readonly argv: readonly string[];
  /** `NAME=value`. */
  readonly env: readonly string[];
  /** As the guest calls it. */
  readonly cwd: string;
  /** Whom it believes to be run by. */
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  /** What the program enters cgroups by, see cgroups/run-cgroups.ts. */
  readonly cgroups?: readonly string[] | undefined;
  /** What it may ask of the kernel at all: a system call filter, base64. */
  readonly filter?: string | undefined;
  readonly guest: GuestRequest;
}

/** A directory of the machine's that programs are to take for `/`. */
export interface GuestRequest {
  readonly root: string;
  readonly bindings: readonly Binding[];
  /** By architecture, as images name it: a statically linked QEMU. */
  readonly emulators: Readonly<Record<string, string>>;
}

export interface TraceAnswer {
  readonly end:
    | { readonly kind: "exited"; readonly code: number }
    | { readonly kind: "killed"; readonly signal: number }
    | { readonly kind: "refused"; readonly errno: number };
}

export const REQUEST_FILE = "request.json";
export const ANSWER_FILE = "answer.json";
/** What the process that becomes the program reads. */
export const START_FILE = "start.json";

export interface StartRequest {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Of the machine's. */
  readonly directory: string;
  /** System call filters, base64. */
  readonly filters: readonly string[];
  /** All that the kernel shall let it reach, where it has the means. */
  readonly reach: readonly Reach[];
  readonly cgroups?: readonly string[] | undefined;
}

import type { Reach } from "../../sys/trace/landlock.ts";
import type { Binding } from "../proot/guest-paths.ts";

/** What the tracing process is given, as a file; it answers by another one beside it. */
export interface TraceRequest extends FakeIds {
  readonly argv: readonly string[];
  /** `NAME=value`. */
  readonly env: readonly string[];
  /** As the guest calls it where there is one. */
  readonly cwd: string;
  /** Where the guest's root is a directory that programs are to take for `/`. */
  readonly guest?: GuestRequest | undefined;
}

/** Whom a program believes to be run by. */
export interface FakeIds {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
}

/** For a process that is there already, and waits before its execve. */
export interface AttachRequest extends FakeIds {
  readonly attach: number;
}

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
/** What it says on its standard output when it has attached. */
export const ATTACHED = "attached\n";
export const ANSWER_FILE = "answer.json";
/** What the process that becomes the program reads. */
export const START_FILE = "start.json";

export interface StartRequest {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Of the machine's. */
  readonly directory: string;
  /** Base64. */
  readonly filter: string;
  /** All that the kernel shall let it reach, where it can be told; absent: it is not told. */
  readonly reach?: readonly Reach[] | undefined;
}

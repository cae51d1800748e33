/** A user-mode QEMU of this machine. */
export interface Qemu {
  /** Of the binaries that it runs, as images name it: `arm64`. */
  readonly architecture: string;
  /** Absolute. */
  readonly path: string;
  /** As it says itself: `7.2.22`. */
  readonly version: string;
  /** It reads from the kernel that `argv[0]` was kept for it (flag P of its handler). */
  readonly keepsName: boolean;
}

/**
 * What a RUN of another architecture needs of the worker. A RUN that the processor runs itself, or whose
 * binaries the host has a handler for, needs none.
 */
export type Emulator =
  /** A handler in a binfmt_misc instance of the worker's user namespace (Linux 6.7), made before the first such RUN. */
  | { readonly kind: "own"; readonly qemu: Qemu }
  /** The tracer of the RUN starts QEMU for each of its programs: nothing of the kernel's is needed but ptrace. */
  | { readonly kind: "proot"; readonly qemu: Qemu };

/** How the binaries of one architecture come to run on this machine. */
export type Emulation =
  | { readonly kind: "native" }
  /** The kernel has a handler already, which works in a root that lacks the emulator. */
  | { readonly kind: "host"; readonly handler: string | undefined; readonly interpreter: string | undefined }
  | Emulator
  /** They do not. A reason for each way that was tried. */
  | { readonly kind: "none"; readonly reasons: readonly string[] };

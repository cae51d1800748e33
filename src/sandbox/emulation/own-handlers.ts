import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { AppError, messageOf } from "../../base/errors.ts";
import { fromUtf8 } from "../../layer/entry.ts";
import type { Syscalls } from "../../sys/syscalls.ts";
import { MOUNT } from "../../sys/syscalls.ts";
import { elfArchitecture } from "./architectures.ts";
import { registration } from "./registration.ts";
import type { Qemu } from "./types.ts";

/**
 * Handlers of the worker's own, in a binfmt_misc instance of its user namespace (Linux 6.7). The first
 * one hides those of the machine from everything in the namespace; they go with the worker's mounts.
 */
export class OwnHandlers {
  readonly #syscalls: Syscalls;
  readonly #scratch: string;
  readonly #directory: string;
  readonly #registered = new Set<string>();
  #isMounted = false;

  /** `scratch`: a directory in memory that is ours. */
  constructor(syscalls: Syscalls, scratch: string) {
    this.#syscalls = syscalls;
    this.#scratch = scratch;
    this.#directory = `${scratch}/binfmt_misc`;
  }

  /** Throws `SANDBOX_EMULATOR` where the kernel refuses it; what was refused once may be asked for again. */
  register(qemu: Qemu): void {
    const architecture = elfArchitecture(qemu.architecture);
    if (architecture === undefined || this.#registered.has(architecture.name)) return;
    try {
      this.#mount();
      const path = this.#protect(architecture.name, qemu.path);
      writeFileSync(`${this.#directory}/register`, registration(architecture, { ...qemu, path }));
    } catch (cause) {
      throw new AppError("SANDBOX_EMULATOR", `${qemu.path} could not be registered: ${messageOf(cause)}`, {
        hint: "Have root register qemu-user with flag F on the machine (apt-get install qemu-user-static).",
        cause,
      });
    }
    this.#registered.add(architecture.name);
  }

  /**
   * A name of the emulator on a mount that is read-only: a RUN reaches it as the `exe` of its own processes, and
   * where its root is the machine's it could change the file's mode and owner there.
   */
  #protect(name: string, path: string): string {
    // Another one each time: what a failed try has left there may be the emulator itself.
    const target = `${mkdtempSync(`${this.#scratch}/qemu-${name}-`)}/qemu`;
    writeFileSync(target, "", { mode: 0o600 });
    this.#syscalls.mount(fromUtf8(path), fromUtf8(target), "", MOUNT.BIND);
    const flags = MOUNT.REMOUNT | MOUNT.BIND | MOUNT.RDONLY | MOUNT.NOSUID | MOUNT.NODEV;
    this.#syscalls.mount("none", fromUtf8(target), "", flags);
    return target;
  }

  #mount(): void {
    if (this.#isMounted) return;
    mkdirSync(this.#directory, { mode: 0o700, recursive: true });
    const flags = MOUNT.NOSUID | MOUNT.NODEV | MOUNT.NOEXEC;
    this.#syscalls.mount("binfmt_misc", fromUtf8(this.#directory), "binfmt_misc", flags);
    this.#isMounted = true;
  }
}

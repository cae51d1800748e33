import { readFileSync } from "node:fs";
import { errnoOf } from "../base/errors.ts";
import type { RuntimeSpec } from "./oci-spec.ts";
import type { Runtime } from "./runtime.ts";

/** A BPF instruction. */
const INSTRUCTION_BYTES = 8;
/** BPF_MAXINSNS: the kernel takes no longer program. */
const MAX_INSTRUCTIONS = 4096;

/**
 * The system call filter as crun has compiled it, to be used again: libseccomp needs 8 ms for it, two
 * thirds of what a container takes. While a container runs, crun has the program in its state directory;
 * and it takes one instead of compiling the specification's by an annotation. Where either is not so, as
 * with runc, every container compiles its own and nothing else changes.
 */
export class CompiledFilter {
  #program: string | undefined;
  #key: string | undefined;

  /** `spec` with the compiled form of its filter, where that is known for `runtime`. */
  applyTo(spec: RuntimeSpec, runtime: Runtime): RuntimeSpec {
    if (this.#program === undefined || this.#key !== keyOf(spec, runtime)) return spec;
    return { ...spec, annotations: { "run.oci.seccomp_bpf_data": this.#program } };
  }

  /** Whether the program of a container with `spec` is worth looking for. */
  wants(spec: RuntimeSpec, runtime: Runtime): boolean {
    return runtime.name === "crun" && spec.linux.seccomp !== undefined && this.#key !== keyOf(spec, runtime);
  }

  /** Looks for the program of a container that has started. True once it is found. */
  learn(spec: RuntimeSpec, runtime: Runtime, containerState: string): boolean {
    const bytes = readIfThere(`${containerState}/seccomp.bpf`);
    const instructions = (bytes?.length ?? 0) / INSTRUCTION_BYTES;
    if (bytes === undefined || !Number.isInteger(instructions) || instructions < 1 || instructions > MAX_INSTRUCTIONS)
      return false;
    this.#program = bytes.toString("base64");
    this.#key = keyOf(spec, runtime);
    return true;
  }
}

function keyOf(spec: RuntimeSpec, runtime: Runtime): string {
  return `${runtime.path}\n${JSON.stringify(spec.linux.seccomp)}`;
}

function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

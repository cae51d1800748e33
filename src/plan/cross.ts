import type { Platform } from "../oci/platform.ts";
import { goUse, namesGoBuild } from "./go-commands.ts";

/** Stages that begin with one image, and what of them decides whether Go can cross-compile there. */
export interface GoFacts {
  /** The image as it is named. */
  readonly image: string;
  /** Of the image's config, and of ENV: `NAME=value`. */
  readonly env: readonly string[];
  /** The commands of their RUNs. */
  readonly commands: readonly string[];
  /** One of them is the image that is built. */
  readonly isImage: boolean;
  /** A RUN of another stage mounts their files. */
  readonly isMounted: boolean;
}

export type CrossVerdict =
  | { readonly kind: "eligible" }
  /** Go compiles there, and has to under emulation. */
  | { readonly kind: "refused"; readonly reason: string }
  | { readonly kind: "other" };

/** Whether a processor of `machine` can be expected to run the target's binaries by itself. */
export function isForeign(target: Platform, machine: Platform): boolean {
  if (target.os !== machine.os) return true;
  if (target.architecture === machine.architecture) return false;
  return !(machine.architecture === "amd64" && target.architecture === "386");
}

/** Whether stages that would be emulated can run on the machine's platform and compile for the target's. */
export function judgeCross({ image, env, commands, isImage, isMounted }: GoFacts): CrossVerdict {
  const uses = new Set(commands.map(goUse));
  const isGo = commands.some(namesGoBuild) || (isGoImage(image, env) && uses.has("compiles"));
  if (!isGo) return { kind: "other" };
  const refused = (reason: string): CrossVerdict => ({ kind: "refused", reason });
  if (isImage) return refused("its files are the image");
  if (isMounted) return refused("a RUN of another stage mounts its files");
  if (uses.has("both")) return refused("one RUN compiles and runs what it compiled");
  if (wantsCgo(env, commands)) return refused("CGO_ENABLED=1 needs a C compiler for the target: set CC");
  return { kind: "eligible" };
}

/** The official image, what mirrors and distributions call theirs, or whatever has its variables. */
function isGoImage(image: string, env: readonly string[]): boolean {
  if (/(?:^|\/)(?:golang|go|go-toolset|go-fips)(?:[:@]|$)/.test(image)) return true;
  return env.some((variable) => variable.startsWith("GOLANG_VERSION=") || /^PATH=.*\/go\/bin/.test(variable));
}

function wantsCgo(env: readonly string[], commands: readonly string[]): boolean {
  const all = [...env, ...commands];
  const isOn = all.some((text) => /(?:^|\s)CGO_ENABLED=1\b/.test(text));
  return isOn && !all.some((text) => /(?:^|\s)CC=\S/.test(text));
}

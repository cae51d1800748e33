import { AppError } from "../base/errors.ts";
import type { PassedOver, RungName } from "../sandbox/rung.ts";
import { identityMaps, ownIdMaps } from "./id-maps.ts";
import type { IdMaps } from "./id-maps.ts";
import type { WorkerPlace } from "./start.ts";

/** Where a worker may stand. */
export type Place =
  /** `maps`: of its user namespace, where it has one. Throws `SANDBOX_UNAVAILABLE` where the user has none. */
  { readonly kind: "namespaces"; readonly maps: () => IdMaps | undefined } | { readonly kind: "plain" };

export interface PlaceNeeds {
  readonly ownNamespace?: boolean | undefined;
  readonly traced?: boolean | undefined;
}

/** The places to be tried, the one with most in it first. */
export function places({ ownNamespace, traced }: PlaceNeeds): readonly Place[] {
  const plain: Place = { kind: "plain" };
  if (traced === true) return [plain];
  if (process.getuid?.() !== 0) return [{ kind: "namespaces", maps: ownIdMaps }, plain];
  const asRoot: Place = { kind: "namespaces", maps: () => undefined };
  // Root without CAP_SYS_ADMIN has it in a user namespace of his own.
  const inUserNamespace: Place = { kind: "namespaces", maps: identityMaps };
  return [...(ownNamespace === true ? [inUserNamespace, asRoot] : [asRoot, inUserNamespace]), plain];
}

/** The rungs that can be had in a place. */
export function rungsOf({ kind }: Place): readonly RungName[] {
  return kind === "namespaces" ? ["runtime", "namespace"] : ["chroot", "proot", "none"];
}

/** `maps`: those of the place. */
export function workerPlace({ kind }: Place, maps: IdMaps | undefined): WorkerPlace {
  return kind === "plain" ? { kind } : { kind, userNamespace: maps !== undefined };
}

/** None of the rungs that may be used can be had. */
export function noPlace(rungs: readonly RungName[], passedOver: readonly PassedOver[]): AppError {
  const reasons = passedOver.map(({ rung, reason }) => `\n  ${rung}: ${reason}`).join("");
  const fixes = [...new Set(passedOver.flatMap(({ fix }) => fix ?? []))];
  return new AppError("SANDBOX_UNAVAILABLE", `no rung of ${rungs.join(", ")} can be had here:${reasons}`, {
    hint: [...fixes, "Or leave out --sandbox and --min-sandbox: the highest rung that can be had is taken then."].join(
      "\n",
    ),
  });
}

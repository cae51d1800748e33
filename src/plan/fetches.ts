import { chainOf, stepOf } from "../engine/chain.ts";
import { readsBase } from "../engine/lazy-base.ts";
import type { BuildPlan, ImageStep, StepId } from "../engine/types.ts";
import { chainIds } from "../oci/chain-id.ts";
import { digestHex, type Digest } from "../oci/digest.ts";
import { formatPlatform } from "../oci/platform.ts";
import { familiarReference } from "../oci/reference.ts";

/** A layer of a base image that the build may have to download. */
export interface PlannedFetch {
  readonly image: string;
  readonly platform: string;
  readonly digest: Digest;
  readonly size: number;
  readonly reason: string;
}

/** What is here already. */
export interface Present {
  hasSnapshot(id: string): boolean;
  hasIndex(diffId: Digest): boolean;
  hasBlob(digest: Digest, size: number): boolean;
}

/**
 * The layers that a build with an empty cache downloads: those of bases that something runs on or copies
 * from, each once, without what the store has. Results that are in the store may spare more of them; a
 * base that nothing reads stays in its registry, unless the image is written to a file (`whole`).
 */
export function planFetches(plan: BuildPlan, present: Present, whole: boolean): readonly PlannedFetch[] {
  const reasons = new Map<StepId, string>();
  const need = (id: StepId, reason: string): void => {
    const base = baseOf(plan, id);
    if (base !== undefined && !reasons.has(base)) reasons.set(base, reason);
  };
  const steps = [...plan.graph.steps];
  for (const [, step] of steps) {
    if (step.kind === "run") need(step.base, "a RUN runs on it");
    if (step.kind === "copy") need(step.from, "COPY takes files from it");
    if (step.kind !== "run") continue;
    for (const mount of step.mounts ?? []) if ("from" in mount && mount.from) need(mount.from, "a RUN mounts it");
  }
  for (const [id, step] of steps) {
    if (step.kind !== "copy" && step.kind !== "mkdir") continue;
    const image = imageOf(plan, id);
    if (image !== undefined && readsBase(step, image)) need(id, READS_NAMES);
  }
  if (whole) for (const { root } of plan.targets) need(root, "the image is written with all its layers");
  const fetches = [...reasons].flatMap(([id, reason]) => layersOf(stepOf(plan.graph, id), reason, present));
  return [...new Map(fetches.map((fetch) => [fetch.digest, fetch])).values()];
}

const READS_NAMES = "COPY or WORKDIR has to know its directories or users";

function layersOf(step: ReturnType<typeof stepOf>, reason: string, present: Present): readonly PlannedFetch[] {
  if (step.kind !== "image") return [];
  const ids = chainIds(step.diffIds).map(digestHex);
  const readsOnly = reason === READS_NAMES;
  return step.layers.flatMap(({ digest, size }, index) => {
    const diffId = step.diffIds[index];
    const isHere =
      present.hasSnapshot(ids[index] ?? "") ||
      present.hasBlob(digest, size) ||
      (readsOnly && diffId !== undefined && present.hasIndex(diffId));
    const image = familiarReference(step.reference);
    return isHere ? [] : { image, platform: formatPlatform(step.platform), digest, size, reason };
  });
}

function baseOf({ graph }: BuildPlan, id: StepId): StepId | undefined {
  const [first] = chainOf(graph, id);
  return first?.kind === "base" ? first.id : undefined;
}

function imageOf(plan: BuildPlan, id: StepId): ImageStep | undefined {
  const base = baseOf(plan, id);
  const step = base === undefined ? undefined : stepOf(plan.graph, base);
  return step?.kind === "image" ? step : undefined;
}

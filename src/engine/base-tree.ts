import { chainIds } from "../oci/chain-id.ts";
import { digestHex, type Digest } from "../oci/digest.ts";
import type { BaseTree, LayerBlob } from "../worker/protocol.ts";
import { chainOf } from "./chain.ts";
import { readsBase } from "./lazy-base.ts";
import type { EngineOptions } from "./options.ts";
import type { Parts } from "./parts.ts";
import type { CopyStep, MakeDirectoryStep } from "./types.ts";

/** What a file operation must know of the file system below it, read no further than it matters. */
export async function baseTreeOf(step: CopyStep | MakeDirectoryStep, parts: Parts): Promise<BaseTree> {
  const { results, graph } = parts.options;
  const links = chainOf(graph, step.base);
  const own: Digest[] = [];
  for (const link of links) {
    if (link.kind === "step") own.push(await indexed(await parts.layer(link.id), parts));
  }
  const image = links.find((link) => link.kind === "base")?.image;
  if (image === undefined || !(readsBase(step, image) || (await anyHasLinks(own, parts.options)))) {
    return own.length === 0 ? { kind: "absent" } : { kind: "indexes", diffIds: own };
  }
  const ids = chainIds(image.diffIds).map(digestHex);
  if (own.length === 0 && (await parts.calls.hasSnapshots(ids))) return { kind: "chain", chain: ids };
  const base = await Promise.all(
    image.diffIds.map(async (diffId, index) =>
      results.hasIndex(diffId) ? diffId : indexed(await parts.fetch(image, index), parts),
    ),
  );
  return { kind: "indexes", diffIds: [...base, ...own] };
}

/** A link of the layers made here may lead out of the destination into the base. */
async function anyHasLinks(own: readonly Digest[], { results }: EngineOptions): Promise<boolean> {
  for (const diffId of own) if (await results.hasLinks(diffId)) return true;
  return false;
}

async function indexed(layer: LayerBlob, { options, calls }: Parts): Promise<Digest> {
  if (!options.results.hasIndex(layer.diffId)) await calls.chore({ op: "index", layer });
  return layer.diffId;
}

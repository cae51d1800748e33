import { digestOf } from "./digest.ts";
import type { Digest } from "./digest.ts";

/**
 * The chainID of each layer, lowest first: what names the file system that it and all below it make.
 * The first is its diffID, each further one sha256 of `CHAINID DIFFID` (image-spec config.md, "Layer ChainID").
 */
export function chainIds(diffIds: readonly Digest[]): Digest[] {
  const chain: Digest[] = [];
  for (const diffId of diffIds) {
    const below = chain.at(-1);
    chain.push(below === undefined ? diffId : digestOf(Buffer.from(`${below} ${diffId}`)));
  }
  return chain;
}

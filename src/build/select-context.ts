import { takeSteps } from "../base/steps.ts";
import type { Selection } from "../engine/step-keys.ts";
import { MAX_LISTED_FILES } from "../engine/why.ts";
import { fromUtf8, toUtf8 } from "../layer/entry.ts";
import type { Digest } from "../oci/digest.ts";
import { digestSteps, fileHasher, type HashFile } from "../snapshot/content-digest.ts";
import { DirectoryTree } from "../snapshot/dir-tree.ts";
import { DiskNode } from "../snapshot/disk-node.ts";
import { filteredTree } from "../snapshot/filtered-tree.ts";
import { compileMatcher } from "../snapshot/match.ts";
import { selectSources } from "../snapshot/select.ts";
import type { Store } from "../store/store.ts";
import type { CopySelection } from "../worker/protocol.ts";

/**
 * Digests what a COPY takes from a directory of this machine. Only files that are selected are read,
 * and of those only the ones that changed since they were read last. What is not there is found at once; the
 * reading lets others have their turn.
 */
export async function selectContext(
  store: Store,
  { paths, parents, excludes }: CopySelection,
  directory: string,
  ignore: readonly string[],
  signal: AbortSignal,
): Promise<Selection> {
  // Whose files they are here says nothing about the image; the worker reads the context the same way.
  const unfiltered = new DirectoryTree(directory, { owner: { uid: 0, gid: 0 }, emptySockets: true });
  const tree = filteredTree(unfiltered, compileMatcher(ignore));
  const files: Record<string, string> = {};
  let count = 0;
  const known = knownDigests(store, fileHasher(tree));
  const hash: HashFile = (path, node) => {
    const digest = known(path, node);
    if (++count <= MAX_LISTED_FILES) files[toUtf8(path)] = Buffer.from(digest.subarray(0, 8)).toString("hex");
    return digest;
  };
  const sources = selectSources(tree, paths.map(fromUtf8), { unfiltered, parents, excludes });
  const content = await takeSteps(digestSteps(tree, sources, hash), signal);
  return { content, files: count <= MAX_LISTED_FILES ? files : undefined };
}

/** File digests by what stat says of the file, so that nothing is read twice (store/file-digests.ts). */
function knownDigests(store: Store, read: HashFile): HashFile {
  const cache = store.records.files;
  return (path, node) => {
    if (!(node instanceof DiskNode)) return read(path, node);
    const readAt = Date.now();
    const known = cache.get(node.stats);
    if (known !== undefined) return Buffer.from(known.slice("sha256:".length), "hex");
    const digest = read(path, node);
    cache.put(node.stats, `sha256:${Buffer.from(digest).toString("hex")}` as Digest, readAt);
    return digest;
  };
}

import { AppError } from "../base/errors.ts";
import type { Entry } from "../layer/entry.ts";
import type { Digest } from "../oci/digest.ts";
import { ContentHasher, HashedContent } from "./content-digest.ts";
import { withContent } from "./node-entry.ts";
import { resolveOwner } from "./owner.ts";
import { place } from "./place.ts";
import type { Placed, Placement } from "./place.ts";
import { selectNodes, selectSources } from "./select.ts";
import type { SelectOptions, Source } from "./select.ts";
import type { Tree } from "./tree.ts";

export interface CopyOptions extends Omit<Placement, "owner">, SelectOptions {
  /** Where the files are, ignore patterns applied (see filtered-tree.ts). */
  readonly source: Tree;
  /** `latin1` patterns, see {@link selectSources}. */
  readonly paths: readonly string[];
  /** `USER[:GROUP]` of --chown, looked up in `base`. */
  readonly owner?: string | undefined;
  /** What `paths` select, where that was looked at before and archives were unpacked. */
  readonly selected?: readonly Source[] | undefined;
  /** Other trees that `selected` has sources of, each with its own {@link contentDigest}. */
  readonly others?: readonly { readonly tree: Tree; readonly expect: Digest }[] | undefined;
  /** More to be copied after `paths`, from trees of their own; no part of `expect`. */
  readonly more?: readonly Source[] | undefined;
  /** The {@link contentDigest} that the step's key was made of. */
  readonly expect: Digest;
}

/**
 * The layer of a COPY. What passes is digested once more, and where it is not what was expected the
 * last thing that comes is `CONTEXT_CHANGED`: a sink must not publish before the end.
 */
export function* copyEntries(options: CopyOptions): Generator<Entry, void> {
  const { source: tree, base, expect, others = [] } = options;
  const sources = [...(options.selected ?? selectSources(tree, options.paths, options)), ...(options.more ?? [])];
  const owner = options.owner === undefined ? undefined : resolveOwner(base, options.owner);
  const checks = [{ tree, expect }, ...others].map((check) => ({ ...check, hasher: new ContentHasher() }));
  const hashers = new Map(checks.map((check) => [check.tree, check.hasher]));
  const linked = new Map<string, Uint8Array>();
  const nodesOf = (source: Source): ReturnType<typeof selectNodes> => selectNodes(source.tree, source);
  for (const placed of place(sources, nodesOf, { ...options, owner })) {
    const digest = yield* emit(placed, linked);
    const { selected, source } = placed;
    if (selected === undefined) continue;
    if (source.archive === undefined) hashers.get(source.tree)?.add(source, selected, digest);
    else if (selected.relative === "") addArchive(hashers.get(source.archive.source.tree), source.archive);
  }
  if (checks.some((check) => check.hasher.digest() !== check.expect)) throw contextChanged();
}

function addArchive(hasher: ContentHasher | undefined, { source, digest }: NonNullable<Source["archive"]>): void {
  hasher?.add(source, { source: source.path, relative: "", node: source.node }, digest);
}

/** Yields what is to be yielded and returns the digest of the bytes, of a regular file. */
function* emit(
  { entry, selected, source: { tree } }: Placed,
  linked: Map<string, Uint8Array>,
): Generator<Entry, Uint8Array | undefined> {
  if (entry !== undefined && entry.type !== "file") yield entry;
  if (selected?.node.type !== "file") return undefined;
  const { identity, links } = selected.node;
  // A file under its second name has the bytes it had under the first.
  const known = entry?.type !== "file" && links > 1 && identity !== undefined ? linked.get(identity) : undefined;
  if (known !== undefined) return known;
  const content = new HashedContent(tree.open(selected.source));
  try {
    if (entry?.type === "file") yield withContent(entry, content);
    const digest = content.digest();
    if (links > 1 && identity !== undefined) linked.set(identity, digest);
    return digest;
  } finally {
    content.close();
  }
}

function contextChanged(): AppError {
  return new AppError("CONTEXT_CHANGED", "files to be copied changed while the build ran", {
    hint: "Build again when nothing writes to them.",
    retryable: true,
  });
}

import type { Match, Matcher } from "./match.ts";
import { joinPath } from "./resolve-path.ts";
import type { Selected, Source } from "./select.ts";
import type { Tree } from "./tree.ts";
import { walk } from "./walk.ts";

/**
 * What is taken of a directory, parents before their children. A directory that is not included
 * itself comes just before the first thing in it that is (BuildKit: fsutil/copy).
 */
export function* selectInside(tree: Tree, source: Source): Generator<Selected, void> {
  const cut = source.path === "" ? 0 : source.path.length + 1;
  if (source.include === undefined && source.exclude === undefined) {
    for (const { path, node } of walk(tree, source.path)) yield { source: path, relative: path.slice(cut), node };
    return;
  }
  yield* selectMatching(tree, source.path, "", source, { waiting: [] });
}

/** Where a walk stands. */
interface Standing {
  /** Directories on the way that nothing was taken from yet. */
  readonly waiting: Selected[];
  readonly included?: Match | undefined;
  readonly excluded?: Match | undefined;
}

function* selectMatching(
  tree: Tree,
  directory: string,
  above: string,
  source: Source,
  standing: Standing,
): Generator<Selected, void> {
  const { waiting } = standing;
  for (const name of tree.readdir(directory)) {
    const relative = joinPath(above, name);
    const included = source.include?.match(relative, standing.included);
    const excluded = source.exclude?.match(relative, standing.excluded);
    const taken = included?.matched !== false && excluded?.matched !== true;
    if (!taken && canSkip(source, relative, included, excluded)) continue;
    const path = joinPath(directory, name);
    const node = tree.lstat(path);
    if (node === undefined) continue;
    const selected: Selected = { source: path, relative, node };
    if (taken) yield* waiting.splice(0);
    if (taken) yield selected;
    if (node.type !== "directory") continue;
    if (!taken) waiting.push({ ...selected, along: true });
    yield* selectMatching(tree, path, relative, source, { waiting, included, excluded });
    if (waiting.at(-1)?.source === path) waiting.pop();
  }
}

/** Whether nothing at a path or below it can be taken, so that it need not be looked at. */
function canSkip(
  { include, exclude }: { readonly include?: Matcher | undefined; readonly exclude?: Matcher | undefined },
  path: string,
  included: Match | undefined,
  excluded: Match | undefined,
): boolean {
  if (excluded?.matched === true) return exclude?.prunes(path, excluded) === true;
  return included?.matched === false && include?.reaches(path) === false;
}

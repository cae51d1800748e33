import { quoteName, tarError } from "./errors.ts";

const SLASH = 0x2f;
const DOT = 0x2e;

/** Linux file systems take no longer component. */
const COMPONENT_BYTES = 255;

/**
 * The clean form of a name in an archive, relative to the root: `./a//b/`, `/a/b` and `c/../a/b` are
 * `a/b`, as Docker and containerd read them. A name that leads out of the root is refused.
 */
export function cleanPath(name: string, offset: number): string {
  if (isClean(name)) return name;
  const kept: string[] = [];
  for (const component of name.split("/")) {
    if (component === "" || component === ".") continue;
    if (component !== "..") {
      checkComponent(component, name, offset);
      kept.push(component);
      continue;
    }
    if (kept.pop() === undefined) throw tarError("TAR_UNSAFE_PATH", offset, `${quoteName(name)} leads out of the root`);
  }
  return kept.join("/");
}

/** What a name means in a layer. Markers name what they hide, `ignored` is aufs's own book-keeping. */
export type LayerName =
  | { readonly kind: "object" | "whiteout" | "opaque"; readonly path: string }
  | { readonly kind: "ignored" };

const WHITEOUT = ".wh.";
const OPAQUE = ".wh..wh..opq";
const AUFS = ".wh..wh.";

/** Reads the whiteout markers of the OCI image specification from a clean path. */
export function layerName(path: string, offset: number): LayerName {
  if (!path.includes(WHITEOUT)) return { kind: "object", path };
  const slash = path.lastIndexOf("/");
  const parent = slash < 0 ? "" : path.slice(0, slash);
  const base = path.slice(slash + 1);
  // Docker passes over the directories that aufs kept in the root of a layer.
  if (path.startsWith(AUFS) && path !== OPAQUE) return { kind: "ignored" };
  if (parent.startsWith(WHITEOUT) || parent.includes(`/${WHITEOUT}`)) {
    throw tarError("TAR_INVALID", offset, `${quoteName(path)}: a directory is named like a whiteout`);
  }
  if (!base.startsWith(WHITEOUT)) return { kind: "object", path };
  if (base === OPAQUE) return { kind: "opaque", path: parent };
  const hidden = base.slice(WHITEOUT.length);
  if (hidden === "" || hidden === "." || hidden === ".." || hidden.startsWith(WHITEOUT)) {
    throw tarError("TAR_INVALID", offset, `${quoteName(path)} is a whiteout of nothing`);
  }
  return { kind: "whiteout", path: parent === "" ? hidden : `${parent}/${hidden}` };
}

/** The name is a path other than the root, as {@link cleanPath} would leave it. */
export function isClean(name: string): boolean {
  let start = 0;
  for (let i = 0; i <= name.length; i++) {
    if (i < name.length && name.charCodeAt(i) !== SLASH) continue;
    const length = i - start;
    if (length === 0 || length > COMPONENT_BYTES) return false;
    if (length <= 2 && name.charCodeAt(start) === DOT && name.charCodeAt(i - 1) === DOT) return false;
    start = i + 1;
  }
  return true;
}

function checkComponent(component: string, name: string, offset: number): void {
  if (component.length <= COMPONENT_BYTES) return;
  throw tarError(
    "TAR_LIMIT",
    offset,
    `${quoteName(name)} has a component of ${component.length} bytes, 255 is the limit`,
  );
}

import { openNamedDirectory } from "../../frontend/context/directory.ts";
import type { NamedContext } from "../../frontend/dockerfile/to-graph/request.ts";
import type { ContextSource } from "../request.ts";
import { parseContextAddress } from "./address.ts";
import { findInLayout } from "./layout.ts";
import { withoutStore } from "./own-store.ts";

/** What a name of --build-context stands for. Nothing is fetched: it may not be needed. The store at `root` is no part of it. */
export function openNamed(name: string, source: ContextSource, root: string): NamedContext {
  switch (source.kind) {
    case "image":
    case "stage":
      return source;
    case "directory": {
      const { directory, ignore } = openNamedDirectory(source.directory, name);
      return { kind: "directory", directory, ignore: withoutStore(directory, ignore, root) };
    }
    case "layout": {
      const descriptor = findInLayout(source);
      // A name that no registry has; errors and logs show it.
      const reference = `oci-layout.invalid/context@${descriptor.digest}`;
      return { kind: "image", name: reference, layout: { directory: source.directory, descriptor } };
    }
    case "address":
      return { kind: "files", files: { kind: "files", step: parseContextAddress(source.address) } };
  }
}

import { openNamedDirectory } from "../../frontend/context/directory.ts";
import type { NamedContext } from "../../frontend/dockerfile/to-graph/request.ts";
import type { ContextSource } from "../request.ts";
import { parseContextAddress } from "./address.ts";
import { findInLayout } from "./layout.ts";

/** What a name of --build-context stands for. Nothing is fetched: it may not be needed. */
export function openNamed(name: string, source: ContextSource): NamedContext {
  switch (source.kind) {
    case "image":
    case "stage":
      return source;
    case "directory":
      return { kind: "directory", ...openNamedDirectory(source.directory, name) };
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

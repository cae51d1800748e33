import type { CopySelection } from "../worker/protocol.ts";
import { selectionFields } from "./graph.ts";
import { stepKey } from "./keys.ts";

/** Names what a selection takes of a source, which `from` identifies. */
export function selectionName(from: string, selection: CopySelection): string {
  return stepKey("select", [["from", from], ["paths", selection.paths], ...selectionFields(selection)]);
}

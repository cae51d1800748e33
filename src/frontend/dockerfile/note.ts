import type { SourceRange } from "../../base/source.ts";

/** Something in the user's text that works and is probably a mistake. `code` is BuildKit's name of the rule. */
export interface Note {
  readonly code: string;
  readonly message: string;
  readonly source: SourceRange;
}

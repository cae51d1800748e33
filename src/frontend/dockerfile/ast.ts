import type { SourceFile, SourceRange } from "../../base/source.ts";
import type { LogicalLine } from "./lines.ts";

/** A Dockerfile as parsed: every instruction with its flags and words, nothing interpreted. */
export interface Dockerfile {
  readonly source: SourceFile;
  /** `# syntax=…`, `# escape=…`, `# check=…`, in order. */
  readonly directives: readonly Directive[];
  readonly escape: EscapeCharacter;
  readonly instructions: readonly InstructionNode[];
  /** Last lines of instructions that have an empty line inside. */
  readonly emptyContinuations: readonly SourceRange[];
}

export type EscapeCharacter = "\\" | "`";

export interface Directive {
  readonly name: "syntax" | "escape" | "check";
  readonly value: string;
  readonly source: SourceRange;
}

export interface InstructionNode {
  /** As written: `FROM`, `from`. */
  readonly keyword: string;
  /** The keyword in capitals. */
  readonly name: string;
  readonly flags: readonly Word[];
  readonly arguments: Arguments;
  /** In the order of their words in the line. */
  readonly heredocs: readonly Heredoc[];
  /** The comment lines before the instruction, without `#`. */
  readonly comments: readonly string[];
  /** The instruction in one line, continuations joined, without the heredocs' content. */
  readonly text: string;
  readonly line: LogicalLine;
  /** All its lines, heredocs included. */
  readonly source: SourceRange;
}

export type Arguments =
  /** Words, or the strings of a JSON array, or the rest of the line as one word, as the instruction has it. */
  | { readonly kind: "words"; readonly words: readonly Word[]; readonly json: boolean }
  /** Of ENV and LABEL. */
  | { readonly kind: "pairs"; readonly pairs: readonly Pair[] }
  /** Of ONBUILD. */
  | { readonly kind: "instruction"; readonly instruction: InstructionNode };

/** A piece of a logical line. `text` differs from what is written where quotes or escapes were taken off. */
export interface Word {
  readonly text: string;
  /** Offsets into the logical line. */
  readonly start: number;
  readonly end: number;
}

export interface Pair {
  readonly key: Word;
  readonly value: Word;
  /** `NAME value` instead of `NAME=value`. */
  readonly legacy: boolean;
}

export interface Heredoc {
  readonly name: string;
  /** The number before `<<`, 0 where there is none. */
  readonly descriptor: number;
  /** False where a part of the name was quoted. */
  readonly expand: boolean;
  /** `<<-`: leading tabs are to be taken off. */
  readonly chomp: boolean;
  /** Lines up to the terminator, with their ends as written. */
  readonly content: string;
}

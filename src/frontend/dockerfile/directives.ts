import { lineRange } from "../../base/source.ts";
import type { SourceFile } from "../../base/source.ts";
import { leadingSpace } from "../../base/whitespace.ts";
import type { Directive, EscapeCharacter } from "./ast.ts";
import { syntaxError } from "./errors.ts";

const NAMES: ReadonlySet<string> = new Set(["syntax", "escape", "check"]);

/**
 * The directives at the head of a file: comments `# name=value` before anything else, each name once.
 * The first comment that is none ends them. A line `#!…` may stand above them.
 */
export function readDirectives(file: SourceFile, lines: readonly string[]): readonly Directive[] {
  const directives: Directive[] = [];
  for (const [index, line] of lines.entries()) {
    if (index === 0 && line.startsWith("#!")) continue;
    const match = /^#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(\S.*)$/.exec(line.slice(leadingSpace(line)).trimEnd());
    const name = match?.[1]?.toLowerCase() ?? "";
    if (!NAMES.has(name)) break;
    const source = lineRange(file, index + 1);
    if (directives.some((directive) => directive.name === name)) {
      throw syntaxError(`directive ${name} is given twice`, source, `Keep one "# ${name}=" line.`);
    }
    directives.push({ name: name as Directive["name"], value: match![2]!, source });
  }
  return directives;
}

/** The escape character. Below a `#!` line BuildKit does not look for it. */
export function escapeOf(directives: readonly Directive[], lines: readonly string[]): EscapeCharacter {
  const directive = directives.find(({ name }) => name === "escape");
  if (directive === undefined || lines[0]?.startsWith("#!")) return "\\";
  if (directive.value === "\\" || directive.value === "`") return directive.value;
  throw syntaxError(
    `directive escape is ${JSON.stringify(directive.value)}, expected a backslash or a backtick`,
    directive.source,
    "Write # escape=` or # escape=\\, or remove the line.",
  );
}

import { AppError } from "../../../base/errors.ts";
import type { SourceRange } from "../../../base/source.ts";
import { parseBoolean } from "../../../base/values.ts";
import type { Dockerfile } from "../ast.ts";

/** What `# check=` says: rules that are skipped, experimental rules that run, and whether findings are errors. */
export interface CheckSettings {
  readonly skip: RuleSet;
  readonly experimental: RuleSet;
  readonly error: boolean;
}

interface RuleSet {
  readonly all: boolean;
  readonly names: ReadonlySet<string>;
}

const NONE: RuleSet = { all: false, names: new Set() };
export const DEFAULT_SETTINGS: CheckSettings = { skip: NONE, experimental: NONE, error: false };

/** The build arg that counts instead of the directive. */
const BUILD_ARG = "BUILDKIT_DOCKERFILE_CHECK";

/** The settings of a file. Throws `DOCKERFILE_CHECK` at the directive, `USAGE_CHECK` for the build arg. */
export function settingsOf(dockerfile: Dockerfile, buildArgs: Readonly<Record<string, string>>): CheckSettings {
  if (Object.hasOwn(buildArgs, BUILD_ARG)) return parseSettings(buildArgs[BUILD_ARG]!);
  const directive = dockerfile.directives.find(({ name }) => name === "check");
  // Of the directive BuildKit reads the first word.
  return directive === undefined ? DEFAULT_SETTINGS : parseSettings(directive.value.split(" ")[0]!, directive.source);
}

/** Settings of one instruction: a `# check=` among the comments above it adds to those of the file. */
export function withComments(settings: CheckSettings, comments: readonly string[]): CheckSettings {
  for (const comment of comments) {
    const value = /^check\s*=\s*(.+?)\s*$/i.exec(comment)?.[1];
    if (value === undefined) continue;
    try {
      return merge(settings, parseSettings(value.split(" ")[0]!));
    } catch {
      // As in BuildKit: what cannot be read this far down is a comment.
      return settings;
    }
  }
  return settings;
}

/** Reads `skip=A,B;experimental=all;error=true`. */
function parseSettings(text: string, source?: SourceRange): CheckSettings {
  if (text.trim() === "") return DEFAULT_SETTINGS;
  let { skip, experimental, error } = DEFAULT_SETTINGS;
  for (const part of splitAtMost(text.trim(), ";", 3)) {
    const equals = part.indexOf("=");
    if (equals < 0) throw invalid(part, source);
    const value = part.slice(equals + 1).trim();
    switch (part.slice(0, equals).trim()) {
      case "skip":
        skip = parseNames(value);
        break;
      case "experimental":
        experimental = parseNames(value);
        break;
      case "error": {
        const isError = parseBoolean(value);
        if (isError === undefined) throw invalid(part, source);
        error = isError;
        break;
      }
      default:
        throw invalid(part, source);
    }
  }
  return { skip, experimental, error };
}

function splitAtMost(text: string, separator: string, count: number): readonly string[] {
  const parts = text.split(separator);
  return [...parts.slice(0, count - 1), ...(parts.length >= count ? [parts.slice(count - 1).join(separator)] : [])];
}

function parseNames(text: string): RuleSet {
  return text === "all" ? { all: true, names: new Set() } : { all: false, names: new Set(text.split(",").map(trim)) };
}

function trim(text: string): string {
  return text.trim();
}

function merge(file: CheckSettings, own: CheckSettings): CheckSettings {
  const join = (a: RuleSet, b: RuleSet): RuleSet => ({
    all: a.all || b.all,
    names: new Set([...a.names, ...b.names]),
  });
  return { ...file, skip: join(file.skip, own.skip), experimental: join(file.experimental, own.experimental) };
}

function invalid(part: string, source: SourceRange | undefined): AppError {
  const where = source === undefined ? BUILD_ARG : "directive check";
  return new AppError(
    source === undefined ? "USAGE_CHECK" : "DOCKERFILE_CHECK",
    `${where}: ${JSON.stringify(part)} cannot be read`,
    { source, hint: "Write skip=RULE,RULE;experimental=RULE;error=true without spaces, or skip=all." },
  );
}

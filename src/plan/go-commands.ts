/** What the command of a RUN does with Go, as far as its text tells. */
export type GoUse =
  /** It compiles what is meant for the target, or may: what it leaves depends on the platform. */
  | "compiles"
  /** It runs programs that it has compiled: a test, a generator, a tool. */
  | "runs"
  /** It does both, which no one setting of GOARCH suits. */
  | "both"
  /** Known to leave the same on every platform. */
  | "independent";

/** Judges a shell command, or an exec form joined with spaces. In doubt it compiles. */
export function goUse(command: string): GoUse {
  const uses = new Set(simpleCommands(command).map(useOf));
  if (uses.has("compiles")) return uses.has("runs") ? "both" : "compiles";
  return uses.has("runs") ? "runs" : "independent";
}

/** Whether the text says itself that Go compiles: `go build`, `go install ./...`. */
export function namesGoBuild(command: string): boolean {
  return simpleCommands(command).some((words) => words[0] === "go" && useOf(words) === "compiles");
}

/** Commands of a shell's text with their assignments and keywords taken off; quotes are not understood. */
function simpleCommands(text: string): readonly (readonly string[])[] {
  return text
    .replaceAll(/\\\r?\n/g, " ")
    .split(/&&|\|\||[;|&\n(){}]/)
    .map((part) => part.trim().split(/\s+/))
    .map((words) => words.slice(words.findIndex((word) => !/^[A-Za-z_]\w*=|^(?:!|do|then|else|time|exec)$/.test(word))))
    .filter((words) => words.length > 0 && words[0] !== "" && !words[0]?.startsWith("#"));
}

function useOf(words: readonly string[]): GoUse {
  const [program = "", verb = "", ...rest] = words;
  const name = program.replace(/^.*\//, "");
  if (name !== "go") return INDEPENDENT.has(name) || /^[A-Za-z_]\w*=/.test(program) ? "independent" : "compiles";
  if (verb === "install") return rest.some((word) => /\S@\S/.test(word)) ? "independent" : "compiles";
  if (verb === "build") return "compiles";
  if (["test", "run", "generate", "tool"].includes(verb)) return "runs";
  return "independent";
}

/** Programs of packages, files and accounts: what they leave is not of the platform that Go compiles for. */
const INDEPENDENT: ReadonlySet<string> = new Set(
  (
    "adduser addgroup apk apt apt-get cat cd chmod chown cp curl date dnf dpkg echo export false find git grep groupadd " +
    "head id install ln ls microdnf mkdir mktemp mv printf pwd rm sed set sha256sum sort tail tar test touch tr true " +
    "umask uname unzip update-ca-certificates useradd wget xargs yum [ if fi for done while case esac"
  ).split(" "),
);

import { readFileSync } from "node:fs";

/** A Dockerfile and what is to be found in it: a table for tests. */
export interface LintCase {
  readonly title: string;
  readonly dockerfile: string;
  readonly ignore: readonly string[];
  readonly buildArgs: Readonly<Record<string, string>>;
  readonly target: string | undefined;
  /** It cannot be built. */
  readonly fails: boolean;
  readonly findings: readonly Expected[];
}

interface Expected {
  /** `3`, or `3-5` of an instruction with several lines. */
  readonly lines: string;
  readonly rule: string;
  /** Undefined: any. */
  readonly message: string | undefined;
}

export function readCases(): readonly LintCase[] {
  const text = readFileSync(new URL("cases.txt", import.meta.url), "utf8");
  return text
    .split(/^== /m)
    .slice(1)
    .map((block) => readCase(block));
}

/** Both sides sorted, and without the messages that the table leaves out. */
export function comparable(
  { findings: expected }: LintCase,
  found: readonly Required<Expected>[],
): { readonly expected: readonly string[]; readonly found: readonly string[] } {
  const isOpen = ({ lines, rule }: Expected): boolean =>
    expected.some((other) => other.message === undefined && other.lines === lines && other.rule === rule);
  const line = ({ lines, rule, message = "" }: Expected): string => `${lines} ${rule} ${message}`.trimEnd();
  return {
    expected: expected.map(line).sort(),
    found: found.map((finding) => line(isOpen(finding) ? { ...finding, message: undefined } : finding)).sort(),
  };
}

function readCase(block: string): LintCase {
  const [head = "", ...lines] = block.replace(/\n$/, "").split("\n");
  const end = lines.indexOf("--");
  const options = [...head.matchAll(/\{(\w+)(?:=([^}]*))?\}/g)].map(([, name = "", value = ""]) => [name, value]);
  const option = (name: string): string | undefined => options.find(([key]) => key === name)?.[1];
  const [arg = "", ...value] = (option("arg") ?? "").split("=");
  return {
    title: head.trim(),
    dockerfile: `${lines.slice(0, end < 0 ? undefined : end).join("\n")}\n`,
    ignore: option("ignore")?.split(",") ?? [],
    buildArgs: arg === "" ? {} : { [arg]: value.join("=") },
    target: option("target"),
    fails: option("fails") !== undefined,
    findings: end < 0 ? [] : lines.slice(end + 1).map(readExpected),
  };
}

function readExpected(text: string): Expected {
  const [, lines = "", rule = "", message] = /^([\d-]+) (\w+)(?: (.*))?$/.exec(text) ?? [];
  return { lines, rule, message };
}

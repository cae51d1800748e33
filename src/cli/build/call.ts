import { parseBoolean } from "../../base/values.ts";
import { LINT_FORMATS, type LintFormat } from "../../report/lint/format.ts";
import type { BuildFlags } from "./spec.ts";
import { usage } from "./usage.ts";

/** What `build` is to do instead of building: `--call`. */
export type Call =
  | {
      readonly method: "check";
      readonly format: LintFormat;
      /** Findings do not make the command fail. */
      readonly ignoreStatus: boolean;
    }
  /** What the Dockerfile offers, in docker's form. */
  | { readonly method: "outline" | "targets"; readonly format: "text" | "json" };

/** What the flags say of it: `--check` is short for `--call=check`, `--print` the old name of `--call`. */
export function callOf({
  call,
  print,
  check,
  failOn,
}: Pick<BuildFlags, "call" | "print" | "check" | "failOn">): Call | undefined {
  const texts = [call, print, check === true ? "check" : undefined].filter((text) => text !== undefined);
  const calls = texts.map(parseCall);
  if (new Set(calls.map((one) => one?.method)).size > 1)
    throw usage(`--call=${texts.join(" and --call=")} are asked for at once`, "leave out one of them");
  if (failOn !== undefined && calls[0]?.method !== "check")
    throw usage(
      `--fail-on ${failOn} counts findings, which are not asked for`,
      "add --check, or write # check=error=true in the Dockerfile",
    );
  return calls[0];
}

/** Reads `METHOD[,format=FORMAT][,ignorestatus=true]`; `build` is no call. */
function parseCall(text: string): Call | undefined {
  const words = text.split(",");
  const options = new Map(words.filter((word) => word.includes("=")).map(splitOption));
  const [method = "build", ...more] = words.filter((word) => !word.includes("="));
  const unknown = [...options.keys()].find((name) => name !== "format" && name !== "ignorestatus");
  if (unknown !== undefined || more.length > 0) {
    throw usage(`--call ${text}: ${unknown ?? more[0]} is not known`, "write --call=check,format=json");
  }
  if (method === "build") return undefined;
  if (method === "outline" || method === "targets") return { method, format: plainFormat(options.get("format")) };
  if (method !== "check" && method !== "lint")
    throw usage(
      `--call=${text}: ${JSON.stringify(method)} is not known`,
      "known are build, check, outline and targets",
    );
  return {
    method: "check",
    format: parseFormat(options.get("format")),
    ignoreStatus: parseBoolean(options.get("ignorestatus") ?? "") === true,
  };
}

function splitOption(word: string): [name: string, value: string] {
  const equals = word.indexOf("=");
  return [word.slice(0, equals), word.slice(equals + 1)];
}

function plainFormat(name = "text"): "text" | "json" {
  if (name === "text" || name === "json") return name;
  throw usage(`--call format=${name}: there is no such format`, "known are text and json");
}

/** docker's are `text`, which is the default, and `json`. */
function parseFormat(name: string | undefined): LintFormat {
  if (name === undefined || name === "text") return "docker";
  const format = LINT_FORMATS.find((known) => known === name);
  if (format !== undefined) return format;
  throw usage(`--call format=${name}: there is no such format`, `known are text, ${LINT_FORMATS.join(", ")}`);
}

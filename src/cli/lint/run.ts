import { readdirSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { AppError } from "../../base/errors.ts";
import { checkRequest, type CheckedFile } from "../../build/check.ts";
import type { BuildRequest } from "../../build/request.ts";
import { suggest } from "../../frontend/dockerfile/suggest.ts";
import { renderError, renderOptions } from "../../report/error.ts";
import { ruleList } from "../../report/lint/rule-list.ts";
import { summaryOf } from "../../report/lint/terminal.ts";
import { toRequest } from "../build/request.ts";
import { usage } from "../build/usage.ts";
import type { CliContext } from "../context.ts";
import { guarded } from "../guarded.ts";
import { readSettings } from "../settings.ts";
import { parseFailOn } from "./fail-on.ts";
import { reportChecks } from "./report.ts";
import type { LintFlags } from "./spec.ts";

/** `manyarch lint`: findings on standard output or in a file; errors and the last word on standard error. */
export async function lintFiles(this: CliContext, flags: LintFlags, ...paths: string[]): Promise<void> {
  await guarded(this, flags.debug ?? false, async () => {
    if (flags.list === true) return listRules(this, flags.format);
    const failOn = parseFailOn(flags.failOn);
    if (paths.filter((path) => path === "-").length > 1)
      throw usage("standard input can be read once", "leave out all - but one");
    const requests = (paths.length > 0 ? paths : ["."]).map((path) => requestFor(this, flags, path));
    const files: CheckedFile[] = [];
    // One after the other: what one has resolved is in the store for the next.
    for (const request of requests) files.push(await check(this, request, flags.offline ?? false));
    const { format, output } = flags;
    try {
      await reportChecks(this, files, { format, output, failOn });
    } finally {
      sayRest(this, files, format === "terminal");
    }
  });
}

function listRules({ process }: CliContext, format: LintFlags["format"]): void {
  if (format !== "terminal" && format !== "json")
    throw usage(`--list --format ${format}: rules have no such format`, "write --format json, or leave it out");
  process.stdout.write(ruleList(format === "json"));
}

function requestFor(context: CliContext, flags: LintFlags, path: string): BuildRequest {
  const place = path === "-" ? path : resolve(context.cwd, path);
  const found = path === "-" ? undefined : statSync(place, { throwIfNoEntry: false });
  if (path !== "-" && found === undefined) throw notFound(path, place);
  const isDirectory = found?.isDirectory() ?? false;
  const { format: _format, output: _output, failOn: _failOn, offline: _offline, list: _list, ...shared } = flags;
  return toRequest(
    { ...shared, ...NOT_ASKED, ...(!isDirectory && { file: place }) },
    isDirectory ? place : path === "-" ? context.cwd : dirname(place),
    readSettings(context),
    context,
  );
}

function notFound(path: string, place: string): AppError {
  const folder = dirname(place);
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true)
    return new AppError("CONTEXT_NOT_FOUND", `${path} does not exist, nor does the directory ${folder}`, {
      hint: "Check the path: it is relative to the working directory.",
    });
  const similar = suggest(basename(place), readdirSync(folder));
  return new AppError("DOCKERFILE_NOT_FOUND", `${path} does not exist`, {
    hint:
      similar === undefined
        ? "Give a Dockerfile, a directory with one, or - for standard input."
        : `Did you mean ${join(dirname(path), similar)}?`,
  });
}

/** Flags of `build` that have no meaning here. */
const NOT_ASKED = { compression: "gzip", cross: "off", hostCa: "off", goCache: "off", progress: "quiet" } as const;

async function check(
  { env, cwd, signal, stdin }: CliContext,
  request: BuildRequest,
  offline: boolean,
): Promise<CheckedFile> {
  try {
    return await checkRequest(request, { env, cwd, signal, stdin, offline });
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "DOCKERFILE_NOT_FOUND") throw error;
    // `build` has a flag for it, we take the file itself.
    const hint = error.hint?.replace(" with -f.", ".").replace(/(?<=^Did you mean |^Write )-f /, "");
    throw new AppError(error.code, error.message, { hint, source: error.source, cause: error.cause });
  }
}

/** Errors of all files but the first that has one, which ends the command; then, for people, how many findings there are. */
function sayRest({ process, env }: CliContext, files: readonly CheckedFile[], isForPeople: boolean): void {
  const errors = files.map(({ error }) => error).filter((error) => error !== undefined);
  const options = renderOptions(process.stderr, env);
  for (const error of errors.slice(1)) process.stderr.write(renderError(error, options));
  if (isForPeople) process.stderr.write(`${summaryOf(files)}\n`);
}

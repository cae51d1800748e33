import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { AppError, messageOf } from "../../base/errors.ts";
import { renderOptions } from "../../report/error.ts";
import { formatChecks, type LintFormat } from "../../report/lint/format.ts";
import type { Checked } from "../../report/lint/types.ts";
import { EXIT_FAILURE } from "../exit-codes.ts";
import type { CliContext } from "../context.ts";
import { VERSION } from "../version.ts";
import type { FailOn } from "./fail-on.ts";

export interface CheckReport {
  readonly format: LintFormat;
  /** A file to write instead of standard output. */
  readonly output?: string | undefined;
  readonly failOn: FailOn;
}

/** Prints results of checks and decides the exit code; throws the first error that a file has. */
export async function reportChecks(
  context: CliContext,
  files: readonly Checked[],
  { format, output, failOn }: CheckReport,
): Promise<void> {
  const { stdout } = context.process;
  const toFile = output !== undefined && output !== "-";
  const text = await formatChecks(format, files, {
    ...renderOptions(toFile ? {} : stdout, context.env),
    version: VERSION,
  });
  if (toFile) write(resolve(context.cwd, output), text);
  else stdout.write(text);
  if (files.some(({ findings }) => findings.some(failOn))) context.exitCode = EXIT_FAILURE;
  const failed = files.find(({ error }) => error !== undefined);
  if (failed?.error !== undefined) throw failed.error;
}

function write(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (cause) {
    throw new AppError("OUTPUT_FILE", `${path} cannot be written: ${messageOf(cause)}`, {
      cause,
      hint: "Give -o a path in a directory that exists.",
    });
  }
}

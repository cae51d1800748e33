import { AppError, messageOf } from "../base/errors.ts";
import type { CliContext } from "./context.ts";
import { exitCodeOf } from "./exit-codes.ts";

/** Runs a command's body. Whatever it throws is told once, here, and decides the exit code. */
export async function guarded(context: CliContext, debug: boolean, body: () => Promise<void>): Promise<void> {
  try {
    await body();
  } catch (cause) {
    const error = toAppError(context.signal.aborted ? context.signal.reason : cause);
    const { renderError, renderOptions } = await import("../report/error.ts");
    const { stderr } = context.process;
    stderr.write(renderError(error, { ...renderOptions(stderr, context.env), debug }));
    context.exitCode = exitCodeOf(error.code);
  }
}

/** A fault of ours, not the user's, keeps its stack for `--debug`. */
function toAppError(cause: unknown): AppError {
  if (cause instanceof AppError) return cause;
  return new AppError("INTERNAL", messageOf(cause), {
    cause,
    hint: "this is a fault in manyarch; run again with --debug and report what it prints",
  });
}

import { run } from "@stricli/core";
import { app } from "./app.ts";
import { processContext } from "./context.ts";
import { EXIT_USAGE } from "./exit-codes.ts";
import { guarded } from "./guarded.ts";
import { splitPlatformFlags } from "./split-flags.ts";

const context = processContext(process);
await run(app, helpAsFlag(splitPlatformFlags(process.argv.slice(2))), context);
// What a write has to say comes after it.
await new Promise(setImmediate);
if (context.outputFault !== undefined && !context.exitCode) {
  const { unwritable } = await import("../output/stdout-sink.ts");
  await guarded(context, false, () => Promise.reject(unwritable(context.outputFault)));
}
// The parser's own failures are negative; everything else was decided by the command.
const parsed = Number(process.exitCode ?? 0);
process.exitCode = context.exitCode ?? (parsed < 0 ? EXIT_USAGE : parsed);

/** `manyarch help build` is `manyarch build --help`. */
function helpAsFlag(argv: readonly string[]): readonly string[] {
  return argv[0] === "help" ? [...argv.slice(1, 2), "--help"] : argv;
}

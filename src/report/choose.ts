import { openJson } from "./json.ts";
import { openPlain } from "./plain.ts";
import type { Progress } from "./progress.ts";
import { openQuiet } from "./quiet.ts";
import { styleOf, useColor } from "./style.ts";
import { openTty } from "./tty.ts";

export type ProgressMode = "auto" | "plain" | "tty" | "quiet" | "none" | "rawjson";

type Environment = Readonly<Record<string, string | undefined>>;

/** The stream progress is written to: standard error. */
export interface ProgressStream {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
  write(text: string): unknown;
}

/** `auto` is a window on a terminal and a plain log everywhere else. */
export function openProgress(mode: ProgressMode, stream: ProgressStream, env: Environment): Progress {
  const write = (text: string): void => void stream.write(text);
  switch (chooseMode(mode, stream, env)) {
    case "plain":
      return openPlain(write);
    case "rawjson":
      return openJson(write);
    case "quiet":
    case "none":
      return openQuiet(write);
    case "tty":
      return openTty({
        write,
        size: () => ({ columns: stream.columns || 80, rows: stream.rows || 24 }),
        style: styleOf(useColor(stream, env)),
        now: () => performance.now(),
      });
  }
}

/** A dumb terminal and a CI job that pretends to have one get the plain log. */
export function chooseMode(
  mode: ProgressMode,
  stream: ProgressStream,
  env: Environment,
): Exclude<ProgressMode, "auto"> {
  if (mode !== "auto") return mode;
  const isCapable = stream.isTTY === true && env["TERM"] !== "dumb" && !env["CI"];
  return isCapable ? "tty" : "plain";
}

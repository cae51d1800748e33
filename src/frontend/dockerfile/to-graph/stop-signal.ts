import { AppError } from "../../../base/errors.ts";
import { wordRange } from "../errors.ts";
import type { StopSignalInstruction } from "../instructions/types.ts";
import { didYouMean } from "../suggest.ts";
import { commitEmpty, expandWord } from "./state.ts";
import type { StageState } from "./state.ts";

export function convertStopSignal(state: StageState, { node, signal: word }: StopSignalInstruction): void {
  const signal = expandWord(state, node, word);
  if (!isSignal(signal)) {
    throw new AppError("DOCKERFILE_SIGNAL", `STOPSIGNAL expects a signal, found ${JSON.stringify(signal)}`, {
      source: wordRange(node, word),
      hint: `${didYouMean(signal.replace(/^SIG/i, ""), NAMES)}Write its name or number, such as SIGTERM or 15.`,
    });
  }
  state.config = { ...state.config, StopSignal: signal };
  commitEmpty(state, `STOPSIGNAL ${signal}`);
}

/** Of Linux, as moby/sys lists them. */
const NAMES: ReadonlySet<string> = new Set(
  (
    "ABRT ALRM BUS CHLD CLD CONT FPE HUP ILL INT IO IOT KILL PIPE POLL PROF PWR QUIT SEGV STKFLT STOP SYS " +
    "TERM TRAP TSTP TTIN TTOU URG USR1 USR2 VTALRM WINCH XCPU XFSZ RTMIN RTMAX"
  ).split(" "),
);

function isSignal(text: string): boolean {
  if (/^[+-]?\d+$/.test(text)) return Number(text) !== 0;
  const name = text.toUpperCase().replace(/^SIG/, "");
  return NAMES.has(name) || /^RTMIN\+(?:[1-9]|1[0-5])$/.test(name) || /^RTMAX-(?:[1-9]|1[0-4])$/.test(name);
}

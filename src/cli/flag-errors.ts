import { ArgumentScannerError, formatMessageForArgumentScannerError } from "@stricli/core";
import { messageOf } from "../base/errors.ts";

/** What the parser of the command line has to say of `command`, in the words and form of all errors. */
export function flagError(cause: unknown, command: string | undefined): string {
  const known = COMMANDS.find((name) => name === command) ?? "build";
  const message =
    cause instanceof ArgumentScannerError ? formatMessageForArgumentScannerError(cause, WORDS) : messageOf(cause);
  return `error[USAGE_FLAGS]: ${lowerFirst(message)}\nhelp: manyarch ${known} --help lists the flags`;
}

/** `manyarch buidl`. */
export function commandError(input: string, corrections: readonly string[]): string {
  const nearest = corrections[0]?.replaceAll("`", "");
  const meant = nearest === undefined ? "" : `did you mean manyarch ${nearest}? `;
  return `error[USAGE_COMMAND]: ${JSON.stringify(input)} is no command: expected ${COMMANDS.join(", ")}\nhelp: ${meant}manyarch --help lists the commands`;
}

const COMMANDS = ["build", "plan", "lint"] as const;

const WORDS: Parameters<typeof formatMessageForArgumentScannerError>[1] = {
  // Every other flag is read by the command itself.
  ArgumentParseError: ({ externalFlagNameOrPlaceholder, input }) =>
    `--${kebab(externalFlagNameOrPlaceholder)}=${input}: expected true or false`,
  EnumValidationError: ({ externalFlagName, input, values }) =>
    `--${kebab(externalFlagName)} ${input}: expected ${values.join(", ")}`,
  FlagNotFoundError: ({ input, corrections }) => `--${input} is no flag${didYouMean(corrections)}`,
  AliasNotFoundError: ({ input }) => `-${input} is no flag`,
  UnsatisfiedFlagError: ({ externalFlagName, nextFlagName }) =>
    `--${kebab(externalFlagName)} needs a value${nextFlagName === undefined ? "" : `, found --${kebab(nextFlagName)}`}`,
  UnexpectedFlagError: ({ externalFlagName, previousInput, input }) =>
    `--${kebab(externalFlagName)} was given twice: ${JSON.stringify(previousInput)} and ${JSON.stringify(input)}`,
};

function didYouMean(corrections: readonly string[]): string {
  const names = [...new Set(corrections.map((name) => `--${kebab(name)}`))];
  return names.length === 0 ? "" : `, did you mean ${names.join(" or ")}?`;
}

/** The parser knows flags by their names in our code. */
function kebab(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function lowerFirst(text: string): string {
  return text.slice(0, 1).toLowerCase() + text.slice(1);
}

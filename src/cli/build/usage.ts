import { AppError } from "../../base/errors.ts";

/** A flag that cannot be meant. */
export function usage(message: string, hint: string): AppError {
  return new AppError("USAGE_INVALID", message, { hint });
}

/** `NAME=VALUE`; the value may be empty, the name not. */
export function pair(text: string, flag: string): [name: string, value: string] {
  const at = text.indexOf("=");
  if (at <= 0) throw usage(`${flag} ${text}: expected name=value`, `write ${flag} name=value`);
  return [text.slice(0, at), text.slice(at + 1)];
}

import { AppError } from "../../../base/errors.ts";
import type { ArgInstruction } from "../instructions/types.ts";
import type { Globals } from "./globals.ts";
import type { PlanRequest } from "./request.ts";

const NAME = "SOURCE_DATE_EPOCH";

/** The request's time reaches the stages that declare it, as a build arg. */
export function withEpochArg(request: PlanRequest): PlanRequest {
  if (request.sourceDateEpoch === undefined || Object.hasOwn(request.buildArgs, NAME)) return request;
  return { ...request, buildArgs: { ...request.buildArgs, [NAME]: String(request.sourceDateEpoch) } };
}

/** Seconds since the epoch from the build arg, else from a global ARG; undefined where neither has a value. */
export function epochOf(
  { buildArgs }: PlanRequest,
  globals: Globals,
  args: readonly ArgInstruction[],
): number | undefined {
  const text = buildArgs[NAME] ?? globals.values.get(NAME) ?? "";
  if (text === "") return undefined;
  if (/^\d{1,12}$/.test(text)) return Number(text);
  throw new AppError("DOCKERFILE_EPOCH", `${NAME} is a number of seconds since 1970, found ${JSON.stringify(text)}`, {
    source: args.find((arg) => arg.args.some(({ name }) => name.text === NAME))?.node.source,
    hint: `Write ${NAME}=$(git log -1 --pretty=%ct).`,
  });
}

import { AppError } from "../../../base/errors.ts";
import type { SourceRange } from "../../../base/source.ts";
import type { Stage } from "../instructions/types.ts";
import { timeSource } from "./epoch-source.ts";
import { globalsFor, type GlobalSources } from "./globals.ts";
import type { PlanDependencies, PlanRequest } from "./request.ts";

const NAME = "SOURCE_DATE_EPOCH";
/** The last second of the year 9999: RFC 3339 has no later one. */
const LATEST = 253_402_300_799;

export interface ResolvedEpoch {
  /** Seconds since 1970; undefined where nothing says so. */
  readonly epoch: number | undefined;
  /** With the number in the place of what stood for it: stages that declare the ARG get that. */
  readonly request: PlanRequest;
}

/**
 * The time of a build: SOURCE_DATE_EPOCH among the build args, else as a global ARG. It is a number,
 * `context` (the time of the build context's commit or document; a directory has none), the name of a
 * named context, or that of a stage that is nothing but one remote ADD. Throws `DOCKERFILE_EPOCH`.
 */
export async function resolveEpoch(
  given: PlanRequest,
  stages: readonly Stage[],
  sources: Omit<GlobalSources, "buildArgs">,
  dependencies: PlanDependencies,
): Promise<ResolvedEpoch> {
  const request = withEpochArg(given);
  const { buildArgs, platforms, signal } = request;
  const globals = globalsFor(platforms[0]!, { ...sources, buildArgs });
  const text = buildArgs[NAME] ?? globals.values.get(NAME) ?? "";
  if (text === "") return { epoch: undefined, request };
  const source = sources.args.find(({ args }) => args.some(({ name }) => name.text === NAME))?.node.source;
  if (/^\d+$/.test(text)) return { epoch: checked(Number(text), source), request };
  const asked = timeSource(text, stages, request, { ...sources, globals });
  if (asked === undefined) throw invalid(text, source);
  const found = await dependencies.sourceTime?.(asked, signal);
  const epoch = found === undefined ? undefined : checked(found, source);
  return { epoch, request: { ...request, buildArgs: { ...buildArgs, [NAME]: epoch === undefined ? "" : `${epoch}` } } };
}

/** The request's time reaches the stages that declare it, as a build arg. */
function withEpochArg(request: PlanRequest): PlanRequest {
  if (request.sourceDateEpoch === undefined || Object.hasOwn(request.buildArgs, NAME)) return request;
  return { ...request, buildArgs: { ...request.buildArgs, [NAME]: String(request.sourceDateEpoch) } };
}

function checked(epoch: number, source: SourceRange | undefined): number {
  if (epoch <= LATEST) return epoch;
  throw new AppError("DOCKERFILE_EPOCH", `${NAME}=${epoch} is after the year 9999`, {
    source,
    hint: "It counts seconds, not milliseconds.",
  });
}

function invalid(text: string, source: SourceRange | undefined): AppError {
  return new AppError(
    "DOCKERFILE_EPOCH",
    `${NAME} is a number of seconds since 1970, context, or the name of a stage or a named context, found ${JSON.stringify(text)}`,
    { source, hint: `Write ${NAME}=$(git log -1 --pretty=%ct).` },
  );
}

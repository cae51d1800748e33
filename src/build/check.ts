import { isAbsolute, relative, resolve } from "node:path";
import type { ProcessContext } from "../base/context.ts";
import { AppError } from "../base/errors.ts";
import type { SourceFile, SourceRange } from "../base/source.ts";
import { Linter } from "../frontend/dockerfile/lint/linter.ts";
import type { Finding } from "../frontend/dockerfile/lint/rule.ts";
import { planBuild } from "../frontend/dockerfile/to-graph/plan.ts";
import type { PlanDependencies } from "../frontend/dockerfile/to-graph/request.ts";
import { digestOf } from "../oci/digest.ts";
import { planRequest } from "./plan-request.ts";
import type { BuildRequest } from "./request.ts";
import { openWorkshop } from "./workshop.ts";

/** What is to be said of a Dockerfile without building it. */
export interface CheckedFile {
  /** Named from the working directory. */
  readonly file: SourceFile;
  /** In BuildKit's order, which repeats some. */
  readonly findings: readonly Finding[];
  /** Why it cannot be built. What would have been found behind that is not known. */
  readonly error: AppError | undefined;
}

export interface CheckDependencies extends ProcessContext {
  /** No registry is asked: what base images set is not known, and nothing is found that depends on it. Default false. */
  readonly offline?: boolean;
}

/**
 * Checks what `request` would build: the target, or every stage where none is named. Throws where there is
 * no Dockerfile to check; what is wrong with it is part of the result.
 */
export async function checkRequest(request: BuildRequest, dependencies: CheckDependencies): Promise<CheckedFile> {
  const linter = new Linter();
  let file: SourceFile | undefined;
  const workshop = await openWorkshop(request, dependencies, () => {});
  const planner: typeof planBuild = (plan, resolver) => {
    file = plan.dockerfile;
    return planBuild(
      // How it would be built says nothing about the file.
      { ...plan, allStages: plan.target === undefined, cross: undefined },
      dependencies.offline === true ? UNKNOWN_IMAGES : resolver,
      linter,
    );
  };
  let error: AppError | undefined;
  try {
    await planRequest(workshop, request, () => {}, planner);
  } catch (cause) {
    if (file === undefined || dependencies.signal.aborted || !(cause instanceof AppError)) throw cause;
    error = cause;
  } finally {
    await workshop.close();
  }
  return renamed(file!, nameFrom(dependencies.cwd, request, file!), linter.findings, error);
}

const UNKNOWN_IMAGES: PlanDependencies = {
  resolveImage: async (_, platform) => ({
    descriptor: {
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      digest: digestOf(new Uint8Array()),
      size: 0,
    },
    layers: [],
    diffIds: [],
    config: { ...platform, config: {} },
    platform,
    isUnknown: true,
  }),
};

/** Tools that read results look for files from the root of a repository, where they run. */
function nameFrom(cwd: string, { context, dockerfile }: BuildRequest, file: SourceFile): string {
  if (context.kind !== "directory" || (dockerfile !== undefined && dockerfile.kind !== "file")) return file.name;
  const path = dockerfile?.path ?? (isAbsolute(file.name) ? file.name : resolve(context.directory, file.name));
  const name = relative(cwd, path);
  return name.startsWith("..") ? path : name;
}

function renamed(file: SourceFile, name: string, findings: readonly Finding[], error?: AppError): CheckedFile {
  const named = { ...file, name };
  const move = (range: SourceRange): SourceRange => (range.file === file ? { ...range, file: named } : range);
  return {
    file: named,
    findings: findings.map(({ source, focus, ...rest }) => ({
      ...rest,
      source: move(source),
      focus: focus === undefined ? undefined : move(focus),
    })),
    error: error?.source === undefined ? error : movedError(error, move(error.source)),
  };
}

function movedError({ code, message, hint, cause, retryable }: AppError, source: SourceRange): AppError {
  return new AppError(code, message, { hint, source, cause, retryable });
}

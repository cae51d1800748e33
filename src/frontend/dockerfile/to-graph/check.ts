import { AppError } from "../../../base/errors.ts";
import { Linter } from "../lint/linter.ts";
import type { Finding } from "../lint/rule.ts";
import { planWith } from "./plan.ts";
import type { PlanDependencies, PlanRequest } from "./request.ts";

/** What is to be said of a Dockerfile without building it. */
export interface Check {
  /** In BuildKit's order. */
  readonly findings: readonly Finding[];
  /** Why it cannot be built. What would have been found behind that is not known. */
  readonly error: AppError | undefined;
}

/** Plans the target, or every stage where none is named, and answers what is wrong with it. */
export async function checkDockerfile(request: PlanRequest, dependencies: PlanDependencies): Promise<Check> {
  const linter = new Linter();
  try {
    await planWith(linter, { ...request, allStages: request.target === undefined }, dependencies);
    return { findings: linter.findings, error: undefined };
  } catch (error) {
    if (!(error instanceof AppError) || request.signal.aborted) throw error;
    return { findings: linter.findings, error };
  }
}

import { platformsEqual } from "../../../oci/platform.ts";
import type { Platform } from "../../../oci/platform.ts";
import type { PlanRequest } from "./request.ts";

/** The request as it is for one target platform: with the build args that are given for that one alone. */
export function requestFor(request: PlanRequest, target: Platform): PlanRequest {
  const own = (request.platformArgs ?? []).filter(({ platform }) => platformsEqual(platform, target));
  if (own.length === 0) return request;
  const buildArgs = { ...request.buildArgs, ...Object.fromEntries(own.map(({ name, value }) => [name, value])) };
  return { ...request, buildArgs };
}

import { AppError } from "../base/errors.ts";
import { repositoryName } from "../oci/reference.ts";
import type { Endpoint } from "./endpoint.ts";
import { RegistryError, finalError } from "./errors.ts";
import type { Clock } from "./retry.ts";
import type { Repository } from "./types.ts";
import type { Warnings } from "./warnings.ts";

/** A mirror that cannot be reached is left alone for this long. */
const REST_MS = 60_000;

/** Asks mirrors in their order and the registry itself last; remembers which mirrors are down. */
export class PullOrder {
  readonly #endpointsFor: (domain: string) => readonly [Endpoint, ...Endpoint[]];
  readonly #clock: Clock;
  readonly #warnings: Warnings;
  readonly #downUntil = new Map<Endpoint, number>();

  constructor(endpointsFor: (domain: string) => readonly [Endpoint, ...Endpoint[]], clock: Clock, warnings: Warnings) {
    this.#endpointsFor = endpointsFor;
    this.#clock = clock;
    this.#warnings = warnings;
  }

  /**
   * The first success. The error is the registry's own, and tells what the mirrors said. After a failure
   * `mayGoOn` decides whether the next one is asked.
   */
  async first<T>(
    repository: Repository,
    ask: (endpoint: Endpoint) => Promise<T>,
    mayGoOn: () => boolean = () => true,
  ): Promise<T> {
    const endpoints = this.#endpointsFor(repository.domain);
    const failures: AppError[] = [];
    for (const endpoint of endpoints.slice(0, -1)) {
      if ((this.#downUntil.get(endpoint) ?? 0) > this.#clock.now()) continue;
      try {
        return await ask(endpoint);
      } catch (error) {
        if (!isAboutMirror(error) || !mayGoOn()) throw error;
        failures.push(error);
        this.#note(endpoint, error, repository);
      }
    }
    try {
      return await ask(endpoints[endpoints.length - 1] ?? endpoints[0]);
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error;
      throw withMirrors(error, repository, failures);
    }
  }

  #note(endpoint: Endpoint, error: AppError, repository: Repository): void {
    // That a mirror does not have everything is usual.
    if (error.code === "REGISTRY_NOT_FOUND") return;
    if (error.code === "REGISTRY_UNREACHABLE") this.#downUntil.set(endpoint, this.#clock.now() + REST_MS);
    this.#warnings.say(
      `mirror ${endpoint.name} failed for ${repositoryName(repository)}, asking ${repository.domain}: ${error.message}`,
    );
  }
}

/** The registry's own error, with what its mirrors said. */
function withMirrors(error: RegistryError, repository: Repository, failures: readonly AppError[]): RegistryError {
  const unreachable = error.code === "REGISTRY_UNREACHABLE";
  if (failures.length === 0) {
    if (!unreachable || repository.domain.includes(":")) return error;
    const mirror = `--registry-mirror ${repository.domain}=HOST`;
    return finalError(error, error.message, `${error.hint ?? ""} Where there is a mirror, name it: ${mirror}.`.trim());
  }
  const said = failures.map(({ message }) => message).join("; ");
  const isMissing = unreachable && failures.some(({ code }) => code === "REGISTRY_NOT_FOUND");
  const hint = isMissing
    ? `Check the spelling of the image and its tag, which no mirror has. ${error.hint ?? ""}`.trim()
    : error.hint;
  return finalError(error, `${error.message}; before that, from its mirror: ${said}`, hint);
}

/** Failures that the next host may not share; not those of the sink, the credentials or the caller. */
function isAboutMirror(error: unknown): error is AppError {
  if (error instanceof RegistryError) return true;
  return error instanceof AppError && ["JSON_INVALID", "MANIFEST_INVALID", "MANIFEST_UNSUPPORTED"].includes(error.code);
}

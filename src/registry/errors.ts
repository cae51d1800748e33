import { AppError } from "../base/errors.ts";
import type { ErrorDetails } from "../base/errors.ts";

export type RegistryErrorCode =
  | "REGISTRY_UNREACHABLE"
  | "REGISTRY_TLS"
  | "REGISTRY_UNAVAILABLE"
  | "REGISTRY_UNAUTHORIZED"
  | "REGISTRY_DENIED"
  | "REGISTRY_NOT_FOUND"
  /** A manifest names what the registry does not have: the one to push again is in the message. */
  | "REGISTRY_BLOB_UNKNOWN"
  | "REGISTRY_NAME_INVALID"
  | "REGISTRY_RATE_LIMITED"
  | "REGISTRY_DIGEST_MISMATCH"
  | "REGISTRY_TOO_LARGE"
  | "REGISTRY_UNSUPPORTED"
  | "REGISTRY_PROTOCOL"
  | "REGISTRY_MIRROR_INVALID"
  | "REGISTRY_PROXY_INVALID";

/** One entry of a registry's error document (distribution-spec, "Error Codes"). */
export interface Diagnostic {
  readonly code: string;
  readonly message: string;
}

export interface RegistryErrorDetails extends ErrorDetails {
  /** The HTTP status, where there was an answer. */
  readonly status?: number | undefined;
  readonly diagnostics?: readonly Diagnostic[] | undefined;
  /** How long the server asked to be left alone. */
  readonly retryAfterMs?: number | undefined;
  /** Upper bound of attempts worth making, where it is below the policy's. */
  readonly attemptLimit?: number | undefined;
}

/** A failure between us and a registry, with what the code that decides about the next attempt must know. */
export class RegistryError extends AppError {
  declare readonly code: RegistryErrorCode;
  readonly status: number | undefined;
  readonly diagnostics: readonly Diagnostic[];
  readonly retryAfterMs: number | undefined;
  readonly attemptLimit: number | undefined;

  constructor(code: RegistryErrorCode, message: string, details: RegistryErrorDetails = {}) {
    super(code, message, details);
    this.name = "RegistryError";
    this.status = details.status;
    this.diagnostics = details.diagnostics ?? [];
    this.retryAfterMs = details.retryAfterMs;
    this.attemptLimit = details.attemptLimit;
  }
}

/** The same failure, told with another message and hint and not to be tried again. */
export function finalError(
  error: RegistryError,
  message: string,
  hint: string | undefined = error.hint,
): RegistryError {
  const { code, status, diagnostics, cause } = error;
  return new RegistryError(code, message, { status, diagnostics, cause, hint });
}

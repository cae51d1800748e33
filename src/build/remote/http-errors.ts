import { AppError } from "../../base/errors.ts";
import { RegistryError } from "../../registry/errors.ts";
import type { HttpResponse } from "../../registry/http/transport.ts";
import { parseRetryAfter } from "../../registry/retry-after.ts";
import { isTransient } from "../../registry/status-error.ts";

/** An answer that brings no file, for the code that decides about the next attempt. */
export async function statusError(response: HttpResponse, url: string): Promise<RegistryError> {
  const { status, headers } = response;
  await response.discard();
  const text = process.getBuiltinModule("node:http").STATUS_CODES[status] ?? "";
  return new RegistryError("REGISTRY_UNAVAILABLE", `${url} cannot be fetched: ${status} ${text}`.trim(), {
    status,
    hint: HINTS[status] ?? (status >= 500 ? "Try again later; the server has trouble." : "Check the address."),
    retryAfterMs: parseRetryAfter(headers["retry-after"], headers.date, Date.now()),
    retryable: isTransient(status),
  });
}

const HINTS: Readonly<Record<number, string>> = {
  401: "Give a token by --secret id=HTTP_AUTH_TOKEN_HOST, or a whole header by --secret id=HTTP_AUTH_HEADER_HOST.",
  403: "Check the token or the signature of the address, and what it allows.",
  404: "Check the address: nothing is there.",
  410: "Check the address: nothing is there any more.",
};

export function brokenOff(url: string, found: number, expected: string): RegistryError {
  return new RegistryError("REGISTRY_UNREACHABLE", `${url} ends after ${found} of ${expected} bytes`, {
    retryable: true,
  });
}

/** The same failure in the words of a file that is fetched: what a registry's client says may speak of registries. */
export function fetchError(error: unknown, url: string): unknown {
  if (!(error instanceof RegistryError)) return error;
  const code = error.status === undefined ? "FETCH_UNREACHABLE" : "FETCH_REFUSED";
  const message = error.message.startsWith(url) ? error.message : `${url} cannot be fetched: ${error.message}`;
  const hint =
    error.status === undefined ? "Check the address, the network of this machine and its proxy." : error.hint;
  return new AppError(code, message, { hint, cause: error, retryable: error.retryable });
}

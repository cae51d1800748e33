import type { HttpResponse } from "./http/transport.ts";
import { RegistryError } from "./errors.ts";
import type { Diagnostic, RegistryErrorCode } from "./errors.ts";
import { readText } from "./http/read-body.ts";
import { printable, redactUrl } from "./redact.ts";
import { parseRetryAfter } from "./retry-after.ts";

/** What a request is about, for the people who read its error. */
export interface Subject {
  /** `manifest docker.io/library/busybox:1` */
  readonly what: string;
  /** `docker.io/library/busybox` */
  readonly repository: string;
  /** The host as the user names it. */
  readonly host: string;
  readonly action: "pull" | "push";
}

/** Error documents past this size are cut. */
const MAX_ERROR_BYTES = 64 * 1024;

/** Turns an answer that is not the expected one into an error. Reads its body. */
export async function statusError(response: HttpResponse, subject: Subject): Promise<RegistryError> {
  const { status } = response;
  const { said, diagnostics } = await readAnswer(response);
  const { code, text, hint } = explain(status, diagnostics, subject);
  return new RegistryError(code, `${text}: ${said}`, {
    status,
    diagnostics,
    retryAfterMs: parseRetryAfter(response.headers["retry-after"], response.headers.date, Date.now()),
    hint,
    retryable: isTransient(status),
  });
}

/** What the answer says of itself: its status and the registry's own words, bounded and printable. */
export async function readAnswer(
  response: HttpResponse,
): Promise<{ readonly said: string; readonly diagnostics: readonly Diagnostic[] }> {
  const body = await readText(response, MAX_ERROR_BYTES);
  const diagnostics = parseDiagnostics(body);
  return { said: report(response, diagnostics, body), diagnostics };
}

/** Answers after which the same request may succeed. 499 and 522 are what nginx and Cloudflare say for a lost connection. */
export function isTransient(status: number): boolean {
  if (status === 408 || status === 425 || status === 429 || status === 499) return true;
  return status >= 500 && status !== 501 && status !== 505;
}

/** distribution-spec: `{"errors": [{"code", "message", "detail"}]}`. Anything else gives an empty list. */
export function parseDiagnostics(body: string): readonly Diagnostic[] {
  let document: unknown;
  try {
    document = JSON.parse(body);
  } catch {
    return [];
  }
  if (typeof document !== "object" || document === null || !("errors" in document)) return [];
  if (!Array.isArray(document.errors)) return [];
  return document.errors.slice(0, 10).flatMap((entry: unknown): Diagnostic[] => {
    if (typeof entry !== "object" || entry === null) return [];
    const { code, message, detail } = entry as Record<string, unknown>;
    const parts = [message, typeof detail === "object" ? JSON.stringify(detail) : detail];
    const texts = parts.filter((part) => typeof part === "string" && part !== "" && part !== "null");
    return [{ code: printable(String(code ?? "UNKNOWN"), 60), message: printable(texts.join(" ")) }];
  });
}

interface Explanation {
  readonly code: RegistryErrorCode;
  readonly text: string;
  readonly hint: string;
}

function explain(status: number, diagnostics: readonly Diagnostic[], subject: Subject): Explanation {
  const said = new Set(diagnostics.map(({ code }) => code));
  const { what, host } = subject;
  if (said.has("NAME_INVALID")) {
    return {
      code: "REGISTRY_NAME_INVALID",
      text: `${host} refuses the name of ${what}`,
      hint: "Use lower-case letters, digits, . _ - and / in repository names.",
    };
  }
  if (said.has("DIGEST_INVALID") || said.has("SIZE_INVALID")) {
    return {
      code: "REGISTRY_DIGEST_MISMATCH",
      text: `${host} got other bytes of ${what} than were sent`,
      hint: "Try again; if it stays, something between changes the data.",
    };
  }
  if (status === 404) {
    return {
      code: "REGISTRY_NOT_FOUND",
      text: `${what} was not found at ${host}`,
      hint: "Check the spelling of the repository and the tag.",
    };
  }
  return explainStatus(status, subject);
}

function explainStatus(status: number, { what, repository, host, action }: Subject): Explanation {
  switch (status) {
    case 401:
      return {
        code: "REGISTRY_UNAUTHORIZED",
        text: `${host} wants credentials for ${what}`,
        hint: `Log in: manyarch login ${host}.`,
      };
    case 403:
      return {
        code: "REGISTRY_DENIED",
        text: `${host} denies to ${action} ${what}`,
        hint: `Check that your account may ${action} ${repository}.`,
      };
    case 405:
    case 501:
      return {
        code: "REGISTRY_UNSUPPORTED",
        text: `${host} does not support this request for ${what}`,
        hint: "Check that the host is a registry (OCI distribution, API version 2).",
      };
    case 409:
    case 412:
      return {
        code: "REGISTRY_DENIED",
        text: `${host} refuses to change ${what}`,
        hint: "The tag may be immutable: push under another tag.",
      };
    case 413:
      return {
        code: "REGISTRY_TOO_LARGE",
        text: `${what} is too large for ${host}`,
        hint: "Raise the body size limit of the registry or of the proxy before it.",
      };
    case 429:
      return {
        code: "REGISTRY_RATE_LIMITED",
        text: `${host} limits the rate of requests (${what})`,
        hint: "Log in for a higher limit, wait, or use --registry-mirror.",
      };
    default:
      if (status >= 500) {
        return {
          code: "REGISTRY_UNAVAILABLE",
          text: `${host} failed on ${what}`,
          hint: "Try again later; if it stays, look at the registry's log.",
        };
      }
      return {
        code: "REGISTRY_PROTOCOL",
        text: `${host} gave an unexpected answer for ${what}`,
        hint: "Check that the host is a registry (OCI distribution, API version 2).",
      };
  }
}

function report(response: HttpResponse, diagnostics: readonly Diagnostic[], body: string): string {
  const status = `${response.status} ${statusText(response.status)}`.trim();
  if (diagnostics.length > 0) {
    return `${status}, ${diagnostics.map(({ code, message }) => (message === "" ? code : `${code} (${message})`)).join(", ")}`;
  }
  const type = response.headers["content-type"] ?? "";
  if (body !== "" && type.startsWith("text/plain")) return `${status}, ${printable(body)}`;
  return `${status} from ${redactUrl(response.url)}`;
}

function statusText(status: number): string {
  return process.getBuiltinModule("node:http").STATUS_CODES[status] ?? "";
}

import type { HttpResponse } from "./http/transport.ts";
import { RegistryError } from "./errors.ts";
import type { Diagnostic } from "./errors.ts";
import { explain } from "./explain.ts";
import type { Subject } from "./subject.ts";
import { readText } from "./http/read-body.ts";
import { printable, redactUrl } from "./redact.ts";
import { parseRetryAfter } from "./retry-after.ts";

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

import { messageOf } from "../../base/errors.ts";
import { RegistryError } from "../errors.ts";
import { printable } from "../redact.ts";

/** What went wrong below HTTP, by error code. `retry` says how many attempts in all are worth making. */
const KNOWN: Readonly<Record<string, { readonly text: string; readonly hint: string; readonly attempts: number }>> = {
  ECONNREFUSED: {
    text: "connection refused",
    hint: "Check that the registry runs and listens on this port.",
    attempts: 3,
  },
  ENOTFOUND: {
    text: "the host name is not known",
    hint: "Check the spelling of the host and the DNS settings.",
    attempts: 1,
  },
  EAI_AGAIN: {
    text: "the name server does not answer",
    hint: "Check the DNS settings of this machine.",
    attempts: 3,
  },
  EHOSTUNREACH: {
    text: "no route to the host",
    hint: "Check the network of this machine.",
    attempts: 3,
  },
  ENETUNREACH: {
    text: "the network is unreachable",
    hint: "Check the network of this machine.",
    attempts: 3,
  },
};

const WRONG_SCHEME = new Set([
  "EPROTO",
  "ERR_SSL_WRONG_VERSION_NUMBER",
  "ERR_SSL_PACKET_LENGTH_TOO_LONG",
  "ERR_SSL_HTTP_REQUEST",
]);
const CERTIFICATE =
  /^(?:CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|ERR_TLS_CERT|INVALID_CA|HOSTNAME_MISMATCH|PATH_LENGTH_)/;

/** True where the other side speaks plain HTTP to our TLS. */
export function isPlainAnswer(error: unknown): boolean {
  return (
    WRONG_SCHEME.has(codeOf(error)) &&
    /wrong version number|packet length too long|http request/i.test(messageOf(error))
  );
}

/** True where plain HTTP got no answer in HTTP: what a TLS port does, mostly. */
export function isNoHttpAnswer(error: unknown): boolean {
  return error instanceof RegistryError && /^(?:HPE_|ECONNRESET$)/.test(codeOf(error.cause));
}

/** Turns what Node's http, net and tls throw into an error that says which host, what failed and what to do. */
export function connectionError(error: unknown, url: URL, proxy: URL | undefined): RegistryError {
  if (error instanceof RegistryError) return error;
  const place = placeOf(url, proxy);
  const code = codeOf(error);
  const known = KNOWN[code];
  if (known !== undefined) {
    const { text, hint, attempts } = known;
    const retryable = attempts > 1;
    return new RegistryError("REGISTRY_UNREACHABLE", `cannot reach ${place}: ${text} (${code})`, {
      hint,
      retryable,
      attemptLimit: attempts,
      cause: error,
    });
  }
  if (isPlainAnswer(error)) return plainAnswer(error, url, place);
  if (CERTIFICATE.test(code)) return certificateError(error, place);
  if (code.startsWith("HPE_")) {
    return new RegistryError("REGISTRY_PROTOCOL", `${place} does not answer in HTTP (${code})`, {
      hint: "Check the port: something else than a registry may listen there.",
      cause: error,
    });
  }
  return new RegistryError("REGISTRY_UNREACHABLE", `cannot talk to ${place}: ${reason(error, code)}`, {
    hint:
      proxy === undefined ? "Check the network and the registry's log." : "Check HTTPS_PROXY, HTTP_PROXY and NO_PROXY.",
    retryable: true,
    cause: error,
  });
}

/** `registry.example:443`, with the proxy it is reached through. */
export function placeOf(url: URL, proxy?: URL): string {
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  return `${url.hostname}:${port}${proxy === undefined ? "" : ` through the proxy ${proxy.host}`}`;
}

function plainAnswer(error: unknown, url: URL, place: string): RegistryError {
  return new RegistryError("REGISTRY_TLS", `${place}: server gave HTTP response to HTTPS client`, {
    hint: `If this registry is meant to be used without TLS, say so with --plain-http ${url.host}.`,
    cause: error,
  });
}

function certificateError(error: unknown, place: string): RegistryError {
  return new RegistryError(
    "REGISTRY_TLS",
    `${place} has a certificate that is not trusted: ${printable(messageOf(error))}`,
    {
      hint: "If a private CA signed it, name its certificate with SSL_CERT_FILE.",
      cause: error,
    },
  );
}

function reason(error: unknown, code: string): string {
  const text = printable(messageOf(error));
  return code === "" || text.includes(code) ? text : `${text} (${code})`;
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}

import type { Diagnostic, RegistryErrorCode } from "./errors.ts";
import { howToLogIn } from "./login-hint.ts";
import type { Subject } from "./subject.ts";

/** A refusal in our words: what it means and what to do next. */
export interface Explanation {
  readonly code: RegistryErrorCode;
  readonly text: string;
  readonly hint: string;
}

type Explain = (subject: Subject) => Explanation;

const NO_REGISTRY = "Check that the host is a registry (OCI distribution, API version 2).";

const NOT_FOUND: Explain = ({ what, host }) => ({
  code: "REGISTRY_NOT_FOUND",
  text: `${what} was not found at ${host}`,
  hint: "Check the spelling of the repository and the tag.",
});

/** Amazon ECR and others make no repository by themselves. */
const NO_REPOSITORY: Explain = ({ what, host }) => ({
  code: "REGISTRY_NOT_FOUND",
  text: `${host} has no repository for ${what}`,
  hint: "Create the repository there first (Amazon ECR: aws ecr create-repository), or check its name.",
});

/** An answer that means one thing to who reads and another to who writes. */
function byAction(pull: Explain, push: Explain): Explain {
  return (subject) => (subject.action === "pull" ? pull : push)(subject);
}

/** By the codes of the specification, which say more than the status they come with. */
const BY_DIAGNOSTIC: readonly (readonly [readonly string[], Explain])[] = [
  [
    ["NAME_INVALID"],
    ({ what, host }) => ({
      code: "REGISTRY_NAME_INVALID",
      text: `${host} refuses the name of ${what}`,
      hint: "Use lower-case letters, digits, . _ - and / in repository names.",
    }),
  ],
  [["NAME_UNKNOWN"], byAction(NOT_FOUND, NO_REPOSITORY)],
  [
    ["DIGEST_INVALID", "SIZE_INVALID"],
    ({ what, host }) => ({
      code: "REGISTRY_DIGEST_MISMATCH",
      text: `${host} got other bytes of ${what} than were sent`,
      hint: "Try again; if it stays, something between changes the data.",
    }),
  ],
];

const UNSUPPORTED: Explain = ({ what, host }) => ({
  code: "REGISTRY_UNSUPPORTED",
  text: `${host} does not support this request for ${what}`,
  hint: NO_REGISTRY,
});

/** distribution as a pull-through cache, or set to read only, answers so to all that would write. */
const READ_ONLY: Explain = ({ what, host }) => ({
  code: "REGISTRY_UNSUPPORTED",
  text: `${host} takes no push of ${what}`,
  hint: "It is read-only, as a mirror or pull-through cache is: push to the registry behind it.",
});

/** Harbor says 412 for an immutable tag, others 409. */
const IMMUTABLE: Explain = ({ what, host }) => ({
  code: "REGISTRY_DENIED",
  text: `${host} refuses to change ${what}`,
  hint: "The tag may be immutable: push under another tag.",
});

const BY_STATUS: Readonly<Record<number, Explain>> = {
  401: ({ what, host }) => ({
    code: "REGISTRY_UNAUTHORIZED",
    text: `${host} wants credentials for ${what}`,
    hint: `Log in: ${howToLogIn(host)}.`,
  }),
  403: ({ what, host, action, repository }) => ({
    code: "REGISTRY_DENIED",
    text: `${host} denies to ${action} ${what}`,
    hint: `Check that your account may ${action} ${repository}.`,
  }),
  404: NOT_FOUND,
  405: byAction(UNSUPPORTED, READ_ONLY),
  409: IMMUTABLE,
  412: IMMUTABLE,
  413: ({ what, host }) => ({
    code: "REGISTRY_TOO_LARGE",
    text: `${what} is too large for ${host}`,
    hint: "Raise the body size limit of the registry or of the proxy before it.",
  }),
  429: ({ what, host }) => ({
    code: "REGISTRY_RATE_LIMITED",
    text: `${host} limits the rate of requests (${what})`,
    hint: "Log in for a higher limit, wait, or use --registry-mirror.",
  }),
  501: UNSUPPORTED,
};

const SERVER_FAULT: Explain = ({ what, host }) => ({
  code: "REGISTRY_UNAVAILABLE",
  text: `${host} failed on ${what}`,
  hint: "Try again later; if it stays, look at the registry's log.",
});

const UNEXPECTED: Explain = ({ what, host }) => ({
  code: "REGISTRY_PROTOCOL",
  text: `${host} gave an unexpected answer for ${what}`,
  hint: NO_REGISTRY,
});

/** What an answer of this status, with these words of the registry, means for `subject`. */
export function explain(status: number, diagnostics: readonly Diagnostic[], subject: Subject): Explanation {
  const said = new Set(diagnostics.map(({ code }) => code));
  const byCode = BY_DIAGNOSTIC.find(([codes]) => codes.some((code) => said.has(code)))?.[1];
  return (byCode ?? BY_STATUS[status] ?? (status >= 500 ? SERVER_FAULT : UNEXPECTED))(subject);
}

import { goQuote } from "../go-quote.ts";
import type { Linter, Place } from "./linter.ts";
import type { Rule } from "./rule.ts";

export const SECRETS_USED_IN_ARG_OR_ENV: Rule = {
  name: "SecretsUsedInArgOrEnv",
  description: "Sensitive data should not be used in the ARG or ENV commands",
  url: "https://docs.docker.com/go/dockerfile/rule/secrets-used-in-arg-or-env/",
  severity: "warning",
  hint: "Use RUN --mount=type=secret,id=NAME: what ARG and ENV hold is in the image for everybody to read.",
};

/** Words of a name that mean a secret, and those that mean that it is none after all. */
const SECRET = /(?:_|^)(?:apikey|auth|credential|credentials|key|password|pword|passwd|secret|token)(?:_|$)/i;
const HARMLESS = /(?:_|^)(?:public|file|version)(?:_|$)/i;

export function checkSecretName(linter: Linter, instruction: "ARG" | "ENV", name: string, place: Place): void {
  if (!SECRET.test(name) || HARMLESS.test(name)) return;
  const message = `Do not use ARG or ENV instructions for sensitive data (${instruction} ${goQuote(name)})`;
  linter.report(SECRETS_USED_IN_ARG_OR_ENV, message, place);
}

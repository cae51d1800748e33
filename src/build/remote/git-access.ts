import type { PrivateInputs } from "../../engine/run-mounts.ts";
import type { Hidden } from "../../base/hidden.ts";
import type { GitOptions } from "./git-command.ts";

/** The repository that a build names; submodules have the same, whatever theirs are. */
export interface GitOwner {
  readonly remote: string;
  readonly credentials?: Hidden<string> | undefined;
}

/**
 * What git may say of us to a server, as BuildKit finds it: secrets for the host, then secrets for any
 * host, then what the URL says. What is meant for one host goes nowhere else, what is meant for any to
 * this repository alone (GitHub's others, as with actions/checkout).
 */
export function accessTo({ remote, credentials }: GitOwner, inputs: PrivateInputs): GitOptions["authorization"] {
  const url = /^https?:/.test(remote) ? URL.parse(remote) : null;
  if (url === null) return undefined;
  const origin = `${url.protocol}//${url.host}/`;
  const own = headerOf(inputs, `.${url.host}`);
  if (own !== undefined) return { scope: origin, header: own };
  const any = headerOf(inputs, "");
  if (any !== undefined) return { scope: GITHUB.test(remote) ? origin : remote, header: any };
  if (credentials === undefined) return undefined;
  return { scope: origin, header: `Basic ${Buffer.from(credentials.reveal()).toString("base64")}` };
}

const GITHUB = /^https:\/\/(?:www\.)?github\.com\//;

function headerOf(inputs: PrivateInputs, suffix: string): string | undefined {
  const header = inputs.secret(`GIT_AUTH_HEADER${suffix}`);
  if (header !== undefined) return textOf(header);
  const token = inputs.secret(`GIT_AUTH_TOKEN${suffix}`);
  if (token === undefined) return undefined;
  return `basic ${Buffer.from(`x-access-token:${textOf(token)}`).toString("base64")}`;
}

function textOf(secret: Uint8Array): string {
  return Buffer.from(secret).toString("utf8").trim();
}

import { AppError } from "../../base/errors.ts";
import { redactUserinfo } from "../../base/redact.ts";
import { parseGitAddress } from "./git-address.ts";
import type { GitAddress } from "./git-address.ts";

/** What a text is the address of: a repository, or a file. */
export type Address = { readonly kind: "git"; readonly git: GitAddress } | { readonly kind: "http"; readonly url: URL };

/**
 * Reads an address as BuildKit tells them from paths, in ADD and for build contexts: over HTTP it is a
 * repository where it ends in `.git`, else a file. Undefined where the text is a path. Throws
 * `ADDRESS_INVALID` for an address that cannot be read.
 */
export function parseAddress(text: string): Address | undefined {
  const git = parseGitAddress(text);
  if (git !== undefined) return { kind: "git", git };
  if (!/^https?:\/\//.test(text)) return undefined;
  const url = URL.parse(text);
  if (url !== null) return { kind: "http", url };
  throw new AppError("ADDRESS_INVALID", `${JSON.stringify(redactUserinfo(text))} is no address that can be read`, {
    hint: "Write https://HOST/PATH.",
  });
}

/** Whether a text is an address, read or not. `github.com/…` is one only where `bare` says so: it can be a path. */
export function isAddress(text: string, bare = false): boolean {
  try {
    const address = parseAddress(text);
    return address !== undefined && (address.kind === "http" || !address.git.ambiguous || bare);
  } catch {
    // One that is wrong: whoever reads it says why.
    return true;
  }
}

import { AppError } from "../../base/errors.ts";
import type { Hidden } from "../../base/hidden.ts";
import { redactUserinfo } from "../../base/redact.ts";
import type { GitStep, HttpStep } from "../../engine/types.ts";
import { gitStep, parseGitAddress } from "../../frontend/context/git-address.ts";
import { httpStep } from "../../frontend/dockerfile/to-graph/remote-source.ts";

/** As BuildKit calls what it fetches for a context. */
const FILE_NAME = "context";

/**
 * What an address of a context stands for: a repository, or one file. `keepGitDir` where the address
 * does not say. Throws `ADDRESS_INVALID`.
 */
export function parseContextAddress(
  address: Hidden<string>,
  options: { readonly keepGitDir?: boolean } = {},
): GitStep | HttpStep {
  const text = address.reveal();
  const git = parseGitAddress(text);
  if (git !== undefined) return gitStep(git, { keepGitDir: git.keepGitDir === true || options.keepGitDir === true });
  const url = /^https?:\/\//.test(text) ? URL.parse(text) : null;
  if (url !== null) return httpStep(url, FILE_NAME);
  throw new AppError("ADDRESS_INVALID", `${redactUserinfo(text)} is no address of a build context`, {
    hint: "Write https://HOST/REPOSITORY.git#REF:DIRECTORY, or https://HOST/ARCHIVE.tar.gz.",
  });
}

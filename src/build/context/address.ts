import { AppError } from "../../base/errors.ts";
import type { Hidden } from "../../base/hidden.ts";
import { redactUserinfo } from "../../base/redact.ts";
import type { GitStep, HttpStep } from "../../engine/types.ts";
import { parseAddress } from "../../frontend/context/address.ts";
import { gitStep } from "../../frontend/context/git-address.ts";
import { httpStep } from "../../frontend/context/http-step.ts";

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
  const parsed = parseAddress(text);
  switch (parsed?.kind) {
    case "git":
      return gitStep(parsed.git, { keepGitDir: parsed.git.keepGitDir === true || options.keepGitDir === true });
    case "http":
      return httpStep(parsed.url, FILE_NAME);
  }
  throw new AppError("ADDRESS_INVALID", `${redactUserinfo(text)} is no address of a build context`, {
    hint: "Write https://HOST/REPOSITORY.git#REF:DIRECTORY, or https://HOST/ARCHIVE.tar.gz.",
  });
}

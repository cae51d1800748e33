import { AppError, messageOf } from "../../../base/errors.ts";
import { redactUserinfo } from "../../../base/redact.ts";
import type { GitStep, HttpStep } from "../../../engine/types.ts";
import { isDigest } from "../../../oci/digest.ts";
import { isAddress, parseAddress } from "../../context/address.ts";
import type { Address } from "../../context/address.ts";
import { checkChecksum, gitStep } from "../../context/git-address.ts";
import type { GitAddress } from "../../context/git-address.ts";
import { fileName, httpStep } from "../../context/http-step.ts";
import type { Word } from "../ast.ts";
import { wordRange } from "../errors.ts";
import type { AddInstruction, CopyInstruction } from "../instructions/types.ts";

type Transfer = CopyInstruction | AddInstruction;

/**
 * What a source of ADD that is an address stands for; undefined where it is a path. `checksum` is
 * the value of --checksum, empty where there is none.
 */
export function remoteSource(
  copy: Transfer,
  word: Word,
  source: string,
  checksum: string,
): HttpStep | GitStep | undefined {
  const address = addressOf(copy, word, source);
  if (address === undefined) return undefined;
  if (copy.kind === "copy") throw copiesFiles(copy, word, source);
  switch (address.kind) {
    case "git":
      return gitSource(copy, word, address.git, checksum);
    case "http":
      return httpSource(copy, address.url, word, checksum);
  }
}

function addressOf({ node }: Transfer, word: Word, source: string): Address | undefined {
  try {
    return isAddress(source) ? parseAddress(source) : undefined;
  } catch (error) {
    throw rewritten(error, node, word);
  }
}

function gitSource(copy: AddInstruction, word: Word, address: GitAddress, checksum: string): GitStep {
  const { node, keepGitDir } = copy;
  if (keepGitDir !== undefined && address.keepGitDir !== undefined && keepGitDir !== address.keepGitDir) {
    throw flagError(copy, word, "--keep-git-dir and the address say two things", "Keep one of them.");
  }
  if (checksum !== "" && address.checksum !== undefined && checksum !== address.checksum) {
    const both = `${checksum} and ${address.checksum}`;
    throw flagError(copy, word, `--checksum and the address say two things: ${both}`, "Keep one of them.");
  }
  try {
    return gitStep(address, {
      keepGitDir: address.keepGitDir ?? keepGitDir ?? false,
      ...(checksum !== "" && { checksum: checkChecksum(checksum, redactUserinfo(word.text)) }),
    });
  } catch (error) {
    throw rewritten(error, node, word);
  }
}

function httpSource(copy: AddInstruction, url: URL, word: Word, checksum: string): HttpStep {
  if (checksum !== "" && !(isDigest(checksum) && checksum.startsWith("sha256:"))) {
    throw flagError(
      copy,
      word,
      `--checksum is ${JSON.stringify(checksum)}, expected sha256: and 64 hexadecimal digits`,
      "Write --checksum=sha256:DIGITS, as sha256sum prints them.",
    );
  }
  return httpStep(url, fileName(url), isDigest(checksum) ? checksum : undefined);
}

function copiesFiles({ node }: Transfer, word: Word, source: string): AppError {
  return new AppError("DOCKERFILE_ARGUMENTS", `COPY copies files, found the address ${redactUserinfo(source)}`, {
    source: wordRange(node, word),
    hint: "Write ADD instead, or fetch it in a RUN.",
  });
}

function flagError({ node, checksum }: AddInstruction, word: Word, message: string, hint: string): AppError {
  return new AppError("DOCKERFILE_FLAG", `ADD: ${message}`, { source: wordRange(node, checksum ?? word), hint });
}

/** A mistake in an address is one of the Dockerfile here. */
function rewritten(error: unknown, node: Transfer["node"], word: Word): unknown {
  if (!(error instanceof AppError)) return error;
  const { hint } = error;
  return new AppError("DOCKERFILE_ARGUMENTS", `${node.name}: ${messageOf(error)}`, {
    source: wordRange(node, word),
    hint,
  });
}

import { AppError, messageOf } from "../../../base/errors.ts";
import { redactUserinfo } from "../../../base/redact.ts";
import { Hidden } from "../../../base/hidden.ts";
import type { GitStep, HttpStep } from "../../../engine/types.ts";
import { isDigest } from "../../../oci/digest.ts";
import { checkChecksum, gitStep, parseGitAddress } from "../../context/git-address.ts";
import type { GitAddress } from "../../context/git-address.ts";
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
  const git = gitAddress(copy, word, source);
  const isHttp = git === undefined && /^https?:\/\//.test(source);
  if (git === undefined && !isHttp) return undefined;
  if (copy.kind === "copy") throw copiesFiles(copy, word, source);
  return git === undefined ? httpSource(copy, word, source, checksum) : gitSource(copy, word, git, checksum);
}

function gitAddress({ node }: Transfer, word: Word, source: string): GitAddress | undefined {
  try {
    const address = parseGitAddress(source);
    return address?.ambiguous === true ? undefined : address;
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

function httpSource(copy: AddInstruction, word: Word, source: string, checksum: string): HttpStep {
  const url = URL.parse(source);
  if (url === null) {
    throw new AppError(
      "DOCKERFILE_ARGUMENTS",
      `ADD: ${JSON.stringify(redactUserinfo(word.text))} is no address that can be read`,
      {
        source: wordRange(copy.node, word),
        hint: "Write https://HOST/PATH.",
      },
    );
  }
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

/** An address without its user and password, which are kept apart. */
export function httpStep(url: URL, name: string, checksum?: HttpStep["checksum"]): HttpStep {
  const bare = new URL(url);
  bare.username = "";
  bare.password = "";
  bare.hash = "";
  const credentials =
    url.username === "" && url.password === ""
      ? undefined
      : new Hidden(`${unescaped(url.username)}:${unescaped(url.password)}`);
  return { kind: "http", url: bare.href, name, ...(credentials && { credentials }), ...(checksum && { checksum }) };
}

/** The last component of the path, as BuildKit names it; what a server calls the file counts for nothing. */
function fileName(url: URL): string {
  const name =
    unescaped(url.pathname)
      .split("/")
      .findLast((component) => component !== "") ?? "";
  if (name === "" || name === ".") return "__unnamed__";
  return name === ".." || /\p{Cc}/u.test(name) ? "download" : name;
}

/** A lone percent sign stands for itself. */
function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
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

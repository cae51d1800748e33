import type { Heredoc, InstructionNode, Word } from "../ast.ts";
import { argumentsError } from "../errors.ts";
import { parseHeredocWord } from "../heredoc.ts";
import type { HeredocStart } from "../heredoc.ts";
import { readFlags } from "./flags.ts";
import type { Flags } from "./flags.ts";
import type { AddInstruction, CopyInstruction } from "./types.ts";
import { isJson, wordsOf } from "./words.ts";

const COMMON_FLAGS = { chown: "string", chmod: "string", link: "boolean", exclude: "list" } as const;

export function parseCopy(node: InstructionNode): CopyInstruction {
  const transfer = readTransfer(node);
  const flags = readFlags(node, { from: "string", ...COMMON_FLAGS, parents: "boolean" });
  return {
    kind: "copy",
    ...transfer,
    ...commonFlags(flags),
    from: nonEmpty(flags.string("from")),
    parents: flags.boolean("parents") ?? false,
  };
}

export function parseAdd(node: InstructionNode): AddInstruction {
  const transfer = readTransfer(node);
  const flags = readFlags(node, { ...COMMON_FLAGS, checksum: "string", "keep-git-dir": "boolean", unpack: "boolean" });
  return {
    kind: "add",
    ...transfer,
    ...commonFlags(flags),
    checksum: nonEmpty(flags.string("checksum")),
    keepGitDir: flags.boolean("keep-git-dir"),
    unpack: flags.boolean("unpack"),
  };
}

function readTransfer(node: InstructionNode): Pick<CopyInstruction, "node" | "sources" | "heredocs" | "destination"> {
  const words = wordsOf(node);
  const destination = words.at(-1);
  const usage = `${node.name} SOURCE... DESTINATION`;
  if (destination === undefined || words.length < 2) {
    throw argumentsError(
      node,
      `has ${words.length === 0 ? "no arguments" : "one argument"}, expected sources and a destination`,
      usage,
    );
  }
  const given = words.slice(0, -1);
  if (isJson(node)) return { node, sources: given, heredocs: [], destination };
  if (heredocStart(destination) !== undefined) throw argumentsError(node, "has a heredoc for its destination", usage);
  return {
    node,
    sources: given.filter((word) => heredocOf(node, word) === undefined),
    heredocs: given.map((word) => heredocOf(node, word)).filter((heredoc) => heredoc !== undefined),
    destination,
  };
}

function heredocOf(node: InstructionNode, word: Word): Heredoc | undefined {
  const start = heredocStart(word);
  return start === undefined ? undefined : node.heredocs.findLast(({ name }) => name === start.name);
}

function heredocStart(word: Word): HeredocStart | undefined {
  try {
    return word.text.includes("<<") ? parseHeredocWord(word.text) : undefined;
  } catch {
    // Open quotes: a path of an odd name.
    return undefined;
  }
}

function commonFlags(flags: Flags): Pick<CopyInstruction, "chown" | "chmod" | "link" | "excludes"> {
  return {
    chown: nonEmpty(flags.string("chown")),
    chmod: nonEmpty(flags.string("chmod")),
    link: flags.boolean("link") ?? false,
    excludes: flags.list("exclude"),
  };
}

/** `--from=` says nothing, as in BuildKit. */
function nonEmpty(word: Word | undefined): Word | undefined {
  return word?.text === "" ? undefined : word;
}

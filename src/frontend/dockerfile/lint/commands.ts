import type { SourceRange } from "../../../base/source.ts";
import { goQuote } from "../go-quote.ts";
import type { Linter, Place } from "./linter.ts";
import type { Rule } from "./rule.ts";

export const JSON_ARGS_RECOMMENDED: Rule = {
  name: "JSONArgsRecommended",
  description: "JSON arguments recommended for ENTRYPOINT/CMD to prevent unintended behavior related to OS signals",
  url: "https://docs.docker.com/go/dockerfile/rule/json-args-recommended/",
  severity: "warning",
  hint: 'Write ["PROGRAM", "ARGUMENT"], or SHELL before it where a shell is meant.',
};

export const MULTIPLE_INSTRUCTIONS_DISALLOWED: Rule = {
  name: "MultipleInstructionsDisallowed",
  description: "Multiple instructions of the same type should not be used in the same stage",
  url: "https://docs.docker.com/go/dockerfile/rule/multiple-instructions-disallowed/",
  severity: "warning",
  hint: "Remove it: a later one of the stage takes its place.",
};

export const WORKDIR_RELATIVE_PATH: Rule = {
  name: "WorkdirRelativePath",
  description:
    "Relative workdir without an absolute workdir declared within the build can have unexpected results if the base image changes",
  url: "https://docs.docker.com/go/dockerfile/rule/workdir-relative-path/",
  severity: "warning",
  hint: "Write an absolute path.",
};

/** A CMD or ENTRYPOINT that is text for a shell nobody chose. */
export function reportShellForm(linter: Linter, keyword: string, place: Place): void {
  const message = `JSON arguments recommended for ${keyword} to prevent unintended behavior related to OS signals`;
  linter.report(JSON_ARGS_RECOMMENDED, message, place);
}

/** The instruction at `earlier` is of no use. The comments are those of the one that takes its place, as in BuildKit. */
export function reportOverridden(linter: Linter, keyword: string, earlier: SourceRange, { comments }: Place): void {
  const message = `Multiple ${keyword} instructions should not be used in the same stage because only the last one will be used`;
  linter.report(MULTIPLE_INSTRUCTIONS_DISALLOWED, message, { source: earlier, comments });
}

/** The first WORKDIR of a stage and of those below it. */
export function reportRelativeWorkdir(linter: Linter, path: string, place: Place): void {
  const message = `Relative workdir ${goQuote(path)} can have unexpected results if the base image changes`;
  linter.report(WORKDIR_RELATIVE_PATH, message, place);
}

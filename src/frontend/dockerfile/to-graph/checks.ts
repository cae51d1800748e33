import { isAddress } from "../../context/address.ts";
import type { InstructionNode } from "../ast.ts";
import type { Command } from "../instructions/types.ts";
import { reportOverridden, reportRelativeWorkdir, reportShellForm } from "../lint/commands.ts";
import { checkIgnored } from "../lint/ignored.ts";
import { placeOf } from "./state.ts";
import type { StageState } from "./state.ts";

/** Of CMD, ENTRYPOINT and HEALTHCHECK a stage needs one. */
export function checkUsedOnce(state: StageState, node: InstructionNode): void {
  const { latest } = state.checks;
  const place = placeOf(state, node);
  const earlier = latest.get(node.name);
  if (earlier !== undefined) reportOverridden(state.conversion.linter, node.keyword, earlier, place);
  latest.set(node.name, place.source);
}

/** A shell that was chosen by SHELL, or by the base image, is meant. */
export function checkCommand(state: StageState, node: InstructionNode, command: Command): void {
  if (command.form === "exec" || (state.config.Shell ?? []).length > 0) return;
  reportShellForm(state.conversion.linter, node.keyword, placeOf(state, node));
}

/** Only the first WORKDIR is looked at: where it is absolute, all are. */
export function checkWorkdir(state: StageState, node: InstructionNode, path: string): void {
  const { checks, conversion } = state;
  if (!checks.hasWorkdir && !path.startsWith("/")) reportRelativeWorkdir(conversion.linter, path, placeOf(state, node));
  checks.hasWorkdir = true;
}

/** Sources of a COPY or ADD that come from the build context. */
export function checkSources(state: StageState, node: InstructionNode, sources: readonly string[]): void {
  const { request, linter } = state.conversion;
  for (const source of sources) {
    if (isAddress(source)) continue;
    checkIgnored(linter, { name: node.name, source }, request.ignore, placeOf(state, node));
  }
}

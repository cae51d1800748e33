import { cleanPath } from "../../../base/clean-path.ts";
import type { RunCrossing } from "../../../engine/types.ts";
import { goUse, namesGoBuild } from "../../../plan/go-commands.ts";
import { goEnvironment } from "../../../plan/go-environment.ts";
import type { RunInstruction } from "../instructions/types.ts";
import { commandText } from "./cross.ts";
import { fromWorkingDirectory } from "./state.ts";
import type { StageState } from "./state.ts";

/** What a RUN that compiles gets in a stage that runs on another platform than it is for. */
export function crossRun(
  state: StageState,
  run: RunInstruction,
): { readonly variables: readonly string[]; readonly cross?: RunCrossing } {
  const { layout, conversion, env } = state;
  const text = commandText(run);
  if (layout.crossing?.compiles !== true || goUse(text) !== "compiles") return { variables: [] };
  const variables = goEnvironment(conversion.layout.target, env);
  if (/\bgo\s+install\b/.test(text)) linkInstalls(state, run, variables);
  return { variables, cross: { origin: layout.crossing.origin, namesBuild: namesGoBuild(text) } };
}

/**
 * `go install` puts what it compiles for another platform into a directory of its own below GOPATH/bin, where
 * no COPY of the Dockerfile looks for it. That directory becomes a link to GOPATH/bin.
 */
function linkInstalls(state: StageState, { node }: RunInstruction, variables: readonly string[]): void {
  const { conversion, layout, platform, config } = state;
  const environment = [...[...state.env].map(([name, value]) => `${name}=${value}`), ...variables];
  state.root = conversion.graph.add(
    {
      kind: "run",
      base: state.root,
      argv: ["/bin/sh", "-c", LINK],
      env: environment,
      hiddenEnv: [],
      cwd: cleanPath(fromWorkingDirectory(state, "")),
      user: config.User ?? "",
      network: "none",
      platform,
      ...(layout.crossing && { cross: { origin: layout.crossing.origin, namesBuild: false } }),
    },
    {
      stage: layout.stage.from.name ?? "",
      text: "link GOPATH/bin for go install",
      target: conversion.layout.target,
      source: node.source,
    },
  );
}

const LINK = 'bin=$(go env GOPATH)/bin && mkdir -p "$bin" && ln -sfn . "$bin/$(go env GOOS)_$(go env GOARCH)"';

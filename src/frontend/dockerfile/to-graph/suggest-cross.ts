import { formatPlatform } from "../../../oci/platform.ts";
import { goUse, namesGoBuild } from "../../../plan/go-commands.ts";
import type { RunInstruction } from "../instructions/types.ts";
import { commandText } from "./cross.ts";
import type { Family } from "./cross.ts";
import { stageName } from "./state.ts";
import type { Advice } from "./request.ts";
import type { Layout } from "./layout.ts";

/** A stage that compiles Go under emulation, for some targets. */
export interface SlowStage {
  readonly layouts: readonly Layout[];
  readonly family: Family;
}

/** The families of all targets, those of one stage together. */
export function slowStages(layouts: readonly Layout[], families: readonly (readonly Family[])[]): readonly SlowStage[] {
  const found = new Map<number, { readonly layouts: Layout[]; readonly family: Family }>();
  for (const [at, layout] of layouts.entries()) {
    for (const family of families[at] ?? []) {
      const { index } = family.root.stage;
      const known = found.get(index);
      if (known === undefined) found.set(index, { layouts: [layout], family });
      else known.layouts.push(layout);
    }
  }
  return [...found.values()];
}

/** What to change so that a stage cross-compiles: its FROM, and the RUN that compiles. */
export function suggestCross({ layouts, family: { root, members } }: SlowStage): Advice {
  const runs = members.flatMap(({ stage }) => stage.instructions.filter((one) => one.kind === "run"));
  const compiling =
    runs.find((run) => namesGoBuild(commandText(run))) ?? runs.find((run) => goUse(commandText(run)) === "compiles");
  const targets = layouts.map(({ target }) => formatPlatform(target)).join(" and ");
  const spared = runs.length * layouts.length;
  const declared = new Set(
    members.flatMap(({ stage }) =>
      stage.instructions.flatMap((one) => (one.kind === "arg" ? one.args.map(({ name }) => name.text) : [])),
    ),
  );
  const isArm = layouts.some(({ target }) => target.architecture === "arm");
  const change = compiling === undefined ? [] : changeOfRun(compiling, isArm, declared);
  return {
    code: "CrossCompile",
    message:
      `stage ${stageName(root.stage)} compiles Go for ${targets} under emulation, which takes about five times as long; ` +
      `on the build platform ${spared === 1 ? "1 RUN" : `${spared} RUNs`} would need no emulator`,
    hint: [
      `Build with --cross=auto, or change ${change.length === 0 ? "one line" : "two lines"}:`,
      changeOfFrom(root.stage.from.node.text, root.stage.from.node.source.start.line),
      ...change,
    ].join("\n"),
    source: root.stage.from.node.source,
  };
}

function changeOfFrom(text: string, line: number): string {
  return `${line}: ${text.replace(/^(from)\s+/i, "$1 --platform=$BUILDPLATFORM ")}`;
}

/** The args that are missing, and the RUN with the variables that it does not set itself; nothing where it has them all. */
function changeOfRun({ node }: RunInstruction, isArm: boolean, declared: ReadonlySet<string>): readonly string[] {
  const text = node.text.replaceAll(/\s+/g, " ");
  const settings = [
    { variable: "GOOS", arg: "TARGETOS", value: "$TARGETOS" },
    { variable: "GOARCH", arg: "TARGETARCH", value: "$TARGETARCH" },
    ...(isArm ? [{ variable: "GOARM", arg: "TARGETVARIANT", value: "${TARGETVARIANT#v}" }] : []),
  ].filter(({ variable }) => !new RegExp(`\\b${variable}=`).test(text));
  if (settings.length === 0) return [];
  const set = settings.map(({ variable, value }) => `${variable}=${value}`).join(" ");
  const args = settings.map(({ arg }) => arg).filter((arg) => !declared.has(arg));
  const changed = /\bgo (?:build|install)\b/.test(text)
    ? text.replace(/\bgo (build|install)\b/, (_, verb: string) => `${set} go ${verb}`)
    : text.replace(/^(run)((?:\s+--\S+)*)\s+/i, (_, run: string, flags: string) => `${run}${flags} export ${set} && `);
  const [first = "", ...rest] = [...(args.length > 0 ? [`ARG ${args.join(" ")}`] : []), changed];
  return [`${node.source.start.line}: ${first}`, ...rest.map((line) => `   ${line}`)];
}

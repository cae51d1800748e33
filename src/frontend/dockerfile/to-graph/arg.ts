import type { ArgInstruction } from "../instructions/types.ts";
import { checkSecretName } from "../lint/secrets.ts";
import { commitEmpty, expandWord, placeOf, setVariable } from "./state.ts";
import type { StageState } from "./state.ts";

/**
 * Declares build args: the value comes from the command line, else from the default, else from the
 * global ARG of that name. What has a value is a variable of the stage from here on.
 */
export function convertArg(state: StageState, { node, args }: ArgInstruction): void {
  const { request, globals } = state.conversion;
  const texts = args.map(({ name, value: fallback }) => {
    checkSecretName(state.conversion.linter, "ARG", name.text, placeOf(state, node));
    const given = Object.hasOwn(request.buildArgs, name.text) ? request.buildArgs[name.text] : undefined;
    const value = given ?? (fallback === undefined ? globals.values.get(name.text) : expandWord(state, node, fallback));
    if (value !== undefined && !SBOM_SETTINGS.has(name.text)) setVariable(state, name.text, value);
    state.args = new Map(state.args).set(name.text, value ?? "");
    return value === undefined ? name.text : `${name.text}=${value}`;
  });
  commitEmpty(state, `ARG ${texts.join(" ")}`);
}

/** What a stage says to BuildKit's scanners, and not to its commands. */
const SBOM_SETTINGS: ReadonlySet<string> = new Set(["BUILDKIT_SBOM_SCAN_CONTEXT", "BUILDKIT_SBOM_SCAN_STAGE"]);

import { assertNever } from "../base/errors.ts";
import { chainIds } from "../oci/chain-id.ts";
import { formatPlatform } from "../oci/platform.ts";
import { stepOf } from "./chain.ts";
import { inlineField, selectionFields } from "./graph.ts";
import { stepKey, type KeyField, type StepKey } from "./keys.ts";
import { mountFields } from "./mount-keys.ts";
import { once } from "./once.ts";
import type { CopySelection } from "../worker/protocol.ts";
import type { CopyStep, Graph, RunStep, Step, StepId } from "./types.ts";
import type { Slot } from "./why.ts";

/** Field of the contents that a copy takes from further sources. */
export const MORE_CONTENT = "more content";

/** What a COPY selects: the digest of it, and of each file where they are few enough to be listed. */
export interface Selection {
  readonly content: string;
  readonly files?: Readonly<Record<string, string>> | undefined;
}

/** What keys are made of beside the graph. */
export interface KeyInputs {
  /** Content of what is selected from a step; asked once for each COPY and mount. */
  select(id: StepId, from: StepId, selection: CopySelection): Promise<Selection>;
  /** Names what a step stands on: another one, though its key is the same, where it was forced to run again. */
  generation(id: StepId): Promise<string>;
}

/**
 * The keys of a graph's steps, each computed once. A key is made of what the result depends on and
 * nothing else; the fields stay readable, so that a miss can be explained.
 */
export class StepKeys {
  readonly #graph: Graph;
  readonly #inputs: KeyInputs;
  readonly #keys = new Map<StepId, Promise<StepKey>>();
  readonly #slots = new Map<StepId, Slot>();

  constructor(graph: Graph, inputs: KeyInputs) {
    this.#graph = graph;
    this.#inputs = inputs;
  }

  key(id: StepId): Promise<StepKey> {
    return once(this.#keys, id, () => this.#compute(id, stepOf(this.#graph, id)));
  }

  /** The fields of a key that was computed, for {@link explainMiss}. */
  slot(id: StepId): Slot {
    return this.#slots.get(id) ?? { fields: [] };
  }

  /** Names the layer of a COPY --link, which is the same on every base; of other steps there is no such name. */
  async linkedName(id: StepId): Promise<string | undefined> {
    const step = stepOf(this.#graph, id);
    if (step.kind !== "copy" || step.link !== true) return undefined;
    await this.key(id);
    return stepKey(
      "linked",
      this.slot(id).fields.filter(([name]) => name !== "parent"),
    );
  }

  async #compute(id: StepId, step: Step): Promise<StepKey> {
    switch (step.kind) {
      case "scratch":
      case "context":
      case "file":
      case "http":
      case "git":
        return stepKey(step.kind, []);
      case "image":
        return this.#seal(id, "image", { fields: [["base image", chainIds(step.diffIds).at(-1) ?? "empty"]] });
      case "copy":
        return this.#copyKey(id, step);
      case "mkdir": {
        const fields: KeyField[] = [
          ["path", step.path],
          ["owner", step.owner ?? ""],
        ];
        return this.#seal(id, "mkdir", { fields: [["parent", await this.#inputs.generation(step.base)], ...fields] });
      }
      case "run": {
        const fields: KeyField[] = [
          ["command", step.argv],
          ["environment", step.env],
          ["working directory", step.cwd],
          ["user", step.user],
          ["network", step.network],
          ["platform", formatPlatform(step.platform)],
          ...settingFields(step),
          ...inlineField(step.script && [step.script]),
          ...(await mountFields(step.mounts ?? [], {
            generation: (from) => this.#inputs.generation(from),
            content: async (from, selection) => (await this.#inputs.select(id, from, selection)).content,
          })),
        ];
        return this.#seal(id, "run", { fields: [["parent", await this.#inputs.generation(step.base)], ...fields] });
      }
      default:
        return assertNever(step);
    }
  }

  async #copyKey(id: StepId, step: CopyStep): Promise<StepKey> {
    const [parent, selection, ...more] = await Promise.all([
      this.#inputs.generation(step.base),
      this.#inputs.select(id, step.from, step),
      ...moreSelections(step).map((other) => this.#inputs.select(id, other.from, other.selection)),
    ]);
    const fields: KeyField[] = [
      ["parent", parent],
      ["content", selection.content],
      ["destination", [step.destination, step.intoDirectory ? "/" : ""]],
      ["owner", step.owner ?? ""],
      ["mode", step.mode === undefined ? "" : step.mode.toString(8)],
      ...(step.unpack === true ? ([["unpack", "true"]] as const) : []),
      ...(step.link === true ? ([["link", "true"]] as const) : []),
      ...(step.expectMachine ? ([["machine", step.expectMachine.platform.architecture]] as const) : []),
      ...selectionFields(step),
      ...moreFields(step, more),
      ...inlineField(step.inline),
    ];
    return this.#seal(id, "copy", { fields, files: selection.files });
  }

  #seal(id: StepId, kind: string, slot: Slot): StepKey {
    this.#slots.set(id, slot);
    return stepKey(kind, slot.fields);
  }
}

/** Of names the addresses are left out, as BuildKit has it: where a service is today changes no result. */
function settingFields({ hosts = [], ulimits = [], shmSize, hostname, insecure }: RunStep): readonly KeyField[] {
  return [
    ...(hosts.length > 0 ? ([["hosts", hosts.map(({ name }) => name)]] as const) : []),
    ...(ulimits.length > 0
      ? ([["limits", ulimits.map(({ type, soft, hard }) => `${type}=${soft}:${hard}`)]] as const)
      : []),
    ...(shmSize === undefined ? [] : ([["shared memory", String(shmSize)]] as const)),
    ...(insecure === undefined ? [] : ([["security", "insecure"]] as const)),
    ...(hostname === undefined ? [] : ([["hostname", hostname]] as const)),
  ];
}

/** What a copy selects beside its first source. */
export function moreSelections({ more = [], excludes }: CopyStep): readonly MoreSelection[] {
  return more.map(({ from, paths }) => ({ from, selection: { paths, excludes } }));
}

interface MoreSelection {
  readonly from: StepId;
  readonly selection: CopySelection;
}

function moreFields({ more = [] }: CopyStep, selections: readonly Selection[]): readonly KeyField[] {
  if (more.length === 0) return [];
  const unpack = more.map((sources) => (sources.unpack ? "unpack" : ""));
  return [
    [MORE_CONTENT, selections.map(({ content }) => content)],
    ["more unpack", unpack],
  ];
}

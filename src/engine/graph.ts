import { encodeUtf8 } from "../base/utf8.ts";
import { digestOf } from "../oci/digest.ts";
import { formatPlatformFull, platformsEqual } from "../oci/platform.ts";
import type { Platform } from "../oci/platform.ts";
import { formatReference } from "../oci/reference.ts";
import type { CopySelection, InlineFile } from "../worker/protocol.ts";
import { stepKey } from "./keys.ts";
import type { KeyField } from "./keys.ts";
import type { CopyStep, Graph, RunStep, Step, StepId, StepLabel, StepMount } from "./types.ts";

/**
 * Collects steps into a graph. Inputs are added before their users, as a step names them by id; a step
 * that is added again, for another platform or by another instruction, is the one that is there.
 */
export class GraphBuilder {
  readonly #steps = new Map<StepId, Step>();
  readonly #labels = new Map<StepId, StepLabel[]>();

  /** Answers the step's id. Of several labels for one platform the first stays. */
  add(step: Step, label: StepLabel): StepId {
    const id = stepId(step);
    if (!this.#steps.has(id)) this.#steps.set(id, step);
    const labels = this.#labels.get(id) ?? [];
    if (!labels.some(({ target }) => platformsEqual(target, label.target))) this.#labels.set(id, [...labels, label]);
    return id;
  }

  finish(): Graph {
    return { steps: new Map(this.#steps), labels: new Map(this.#labels) };
  }
}

/** The digest of a step's definition. Ids of its inputs are part of it, so it names all it is made from. */
export function stepId(step: Step): StepId {
  return stepKey(`definition.${step.kind}`, definition(step)) as string as StepId;
}

function definition(step: Step): readonly KeyField[] {
  switch (step.kind) {
    case "image":
      return [
        ["reference", formatReference(step.reference)],
        ["manifest", step.manifest.digest],
        ...platformField(step.platform),
      ];
    case "scratch":
      return [];
    case "context":
      return [
        ["directory", step.directory],
        ["ignore", step.ignore],
      ];
    case "file":
      return [
        ["name", step.name],
        ["blob", step.digest],
        ["mode", step.mode.toString(8)],
        ["time", step.mtime],
      ];
    case "http":
      return [["url", step.url], ["name", step.name], ...optionalField("checksum", step.checksum)];
    case "git":
      return [
        ["remote", step.remote],
        ["directory", step.directory],
        ["flags", [step.submodules, step.keepGitDir, step.byCommit].map(String)],
        ...optionalField("ref", step.ref),
        ...optionalField("checksum", step.checksum),
      ];
    case "copy":
      return copyDefinition(step);
    case "mkdir":
      return [["base", step.base], ["path", step.path], ...optionalField("owner", step.owner)];
    case "run":
      return runDefinition(step);
  }
}

function copyDefinition(step: CopyStep): readonly KeyField[] {
  return [
    ["base", step.base],
    ["from", step.from],
    ["paths", step.paths],
    ["destination", step.destination],
    ["into", step.intoDirectory ? "directory" : ""],
    ...optionalField("owner", step.owner),
    ...optionalField("mode", step.mode?.toString(8)),
    ...optionalField("unpack", step.unpack === true ? "" : undefined),
    ...optionalField("link", step.link === true ? "" : undefined),
    ...optionalField("machine", step.expectMachine && formatPlatformFull(step.expectMachine.platform)),
    ...selectionFields(step),
    ...inlineField(step.inline),
    ...moreField(step.more),
  ];
}

function runDefinition(step: RunStep): readonly KeyField[] {
  return [
    ["base", step.base],
    ["argv", step.argv],
    ["env", step.env],
    ["hidden", step.hiddenEnv],
    ["cwd", step.cwd],
    ["user", step.user],
    ["network", step.network],
    // Alone of what holds for every RUN it may be another for each target.
    ...optionalField("hostname", step.hostname),
    ...optionalField("security", step.insecure === true ? "insecure" : undefined),
    ...platformField(step.platform),
    ...inlineField(step.script && [step.script]),
    ...mountField(step.mounts),
  ];
}

function platformField(platform: Platform): readonly KeyField[] {
  return [["platform", formatPlatformFull(platform)]];
}

/** Absent and empty are different fields. */
function optionalField(name: string, value: string | undefined): readonly KeyField[] {
  return value === undefined ? [] : [[name, value]];
}

/** What adds to a selection's name, beside its paths. */
export function selectionFields({ parents, excludes = [], withItself }: CopySelection): readonly KeyField[] {
  const fields: KeyField[] = [];
  if (withItself === true) fields.push(["with itself", ""]);
  if (parents === true) fields.push(["parents", ""]);
  if (excludes.length > 0) fields.push(["excludes", excludes]);
  return fields;
}

/** Names and digests: content need not be Unicode, which keys are. */
export function inlineField(files: readonly InlineFile[] = []): readonly KeyField[] {
  if (files.length === 0) return [];
  return [["inline files", files.flatMap(({ name, content }) => [name, digestOf(encodeUtf8(content))])]];
}

function moreField(more: CopyStep["more"] = []): readonly KeyField[] {
  return more.length === 0 ? [] : [["more", more.map((sources) => JSON.stringify(sources))]];
}

function mountField(mounts: readonly StepMount[] = []): readonly KeyField[] {
  return mounts.length === 0 ? [] : [["mounts", mounts.map((mount) => JSON.stringify(mount))]];
}

import type { ImageLayer } from "../engine/engine.ts";
import type { HistoryItem, StepId } from "../engine/types.ts";
import type { HistoryEntry } from "../oci/config.ts";
import { formatReference } from "../oci/reference.ts";

export interface WrittenHistory {
  readonly history: readonly HistoryEntry[];
  /** RFC 3339; undefined where nothing of the image has a time. */
  readonly created: string | undefined;
}

/**
 * History as BuildKit writes it: the base's entries as they are, then one for each instruction. An
 * instruction without a layer takes the time of a layer beside it, so that building again what has not
 * changed gives the same config; with SOURCE_DATE_EPOCH (`epoch`, seconds) each of ours has that one.
 * `describe` names a layer that the base's history leaves without an entry.
 */
export function writeHistory(
  items: readonly HistoryItem[],
  layers: readonly ImageLayer[],
  epoch: number | undefined,
  describe: (step: StepId) => string,
): WrittenHistory {
  const now = epoch === undefined ? undefined : timestamp(epoch * 1000);
  const times = new Map(layers.flatMap((layer) => (layer.kind === "made" ? [[layer.step, layer.created]] : [])));
  const entries = items.map((item): HistoryEntry => {
    if (item.kind === "base") return item.entry;
    const common = { created_by: item.createdBy, comment: "buildkit.dockerfile.v0" };
    if (item.kind === "empty") return { created: now, ...common, empty_layer: true };
    const time = times.get(item.step);
    return { created: now ?? (time === undefined ? undefined : timestamp(time)), ...common };
  });
  const own = aligned(entries, layers.length).map((entry, index) =>
    // A layer that is not its own has no time for it.
    items[index]?.kind === "layer" && entry.empty_layer === true ? { ...entry, created: now } : entry,
  );
  const history = withTimes([...own, ...missingEntries(entries, layers, now, describe)]);
  return { history, created: history.findLast((entry) => entry.created !== undefined)?.created };
}

/** A base that tells of more layers than it has: what comes after its last one made none. */
function aligned(entries: readonly HistoryEntry[], layers: number): readonly HistoryEntry[] {
  let count = 0;
  return entries.map((entry) => {
    if (entry.empty_layer === true) return entry;
    return ++count > layers ? { ...entry, empty_layer: true } : entry;
  });
}

/** A base that tells of fewer layers than it has: BuildKit puts entries for the last ones behind all others. */
function missingEntries(
  entries: readonly HistoryEntry[],
  layers: readonly ImageLayer[],
  now: string | undefined,
  describe: (step: StepId) => string,
): readonly HistoryEntry[] {
  const told = entries.filter((entry) => entry.empty_layer !== true).length;
  return layers.slice(told).map((layer) => ({
    created: now ?? (layer.kind === "made" ? timestamp(layer.created) : undefined),
    created_by: layer.kind === "made" ? describe(layer.step) : `pulled from ${formatReference(layer.image.reference)}`,
    comment: "buildkit.exporter.image.v0",
  }));
}

/**
 * Entries without a time get that of the entry before, the first ones among them that of the first new
 * layer behind: they were not made when the base was.
 */
function withTimes(entries: readonly HistoryEntry[]): readonly HistoryEntry[] {
  const open = entries.findIndex((entry) => entry.created === undefined);
  if (open < 0) return entries;
  const behind = entries.slice(open).find((entry) => entry.created !== undefined);
  let created = behind?.created ?? entries[open - 1]?.created;
  return entries.map((entry, index) => {
    if (index < open) return entry;
    created = entry.created ?? created;
    return { ...entry, created };
  });
}

function timestamp(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

import { arch, cpus, release, totalmem } from "node:os";
import { formatBytes } from "../src/base/bytes.ts";
import type { Measurement } from "./measure.ts";

export interface Row {
  readonly title: string;
  /** The largest ratio allowed, by the other builder's name. */
  readonly budget: Readonly<Record<string, number>>;
  /** By builder's name. Empty where it failed. */
  readonly rounds: ReadonlyMap<string, readonly Measurement[]>;
}

export interface Report {
  readonly date: string;
  readonly rounds: number;
  readonly versions: ReadonlyMap<string, string>;
  readonly commands: readonly string[];
  readonly rows: readonly Row[];
}

/** The first builder is ours: ratios are its median by the other's. */
export function renderResults(report: Report): string {
  const [ours = "", ...others] = [...report.versions.keys()];
  const head = [
    "Work",
    ours,
    ...others.flatMap((name) => [name, "ratio"]),
    `peak memory: ${[ours, ...others].join(", ")}`,
  ];
  const rows = report.rows.map(({ title, rounds, budget }) => {
    const median = (name: string): number | undefined => medianOf((rounds.get(name) ?? []).map((one) => one.seconds));
    const mine = median(ours);
    const peaks = [ours, ...others].map((name) => peak(rounds.get(name) ?? []));
    return [
      title,
      seconds(mine),
      ...others.flatMap((name) => [seconds(median(name)), ratio(mine, median(name), budget[name])]),
      peaks.join(", "),
    ];
  });
  return [
    "# Results",
    "",
    `${report.rounds === 1 ? "One round" : `Medians of ${report.rounds} rounds`}, the builders in turn within each, ${report.date}.`,
    `${cpus().length} x ${cpus()[0]?.model.trim()}, ${formatBytes(totalmem())}, Linux ${release()}, ${arch()}.`,
    `Versions: ${[...report.versions].map(([name, version]) => `${name} ${version}`).join(", ")}.`,
    "manyarch runs as an unprivileged user and without a daemon; buildkitd is warm and runs as root; buildah runs as root.",
    "",
    ...table([head, head.map((_, at) => (at === 0 ? "---" : "---:")), ...rows]),
    "",
    "A ratio below 1 means that manyarch takes less time; behind the stroke is the design's budget, and bold is what exceeds it.",
    "Memory is the sum of the proportional sizes of the builder's own processes. Write this page with `./dev bench`.",
    "",
    "```",
    ...report.commands,
    "```",
    "",
  ].join("\n");
}

function table(rows: readonly (readonly string[])[]): readonly string[] {
  return rows.map((row) => `| ${row.join(" | ")} |`);
}

export function medianOf(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle];
  const lower = sorted[middle - 1];
  if (upper === undefined) return undefined;
  return sorted.length % 2 === 1 || lower === undefined ? upper : (upper + lower) / 2;
}

function seconds(value: number | undefined): string {
  return value === undefined ? "failed" : `${value.toFixed(2)} s`;
}

function ratio(mine: number | undefined, theirs: number | undefined, budget: number | undefined): string {
  if (mine === undefined || theirs === undefined) return "";
  const text = (mine / theirs).toFixed(2);
  if (budget === undefined) return text;
  return Number(text) > budget ? `**${text}** / ${budget}` : `${text} / ${budget}`;
}

function peak(rounds: readonly Measurement[]): string {
  return rounds.length === 0 ? "-" : formatBytes(Math.max(...rounds.map((one) => one.peakBytes)));
}

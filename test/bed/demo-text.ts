import { styleText } from "node:util";

/** What the demo prints: headings, the commands it runs, and what they say, indented. */
export function heading(text: string): void {
  write(`\n${styleText("bold", `── ${text} ${"─".repeat(Math.max(0, 90 - text.length))}`)}\n`);
}

export function command(text: string): void {
  write(`${styleText("cyan", `$ ${text}`)}\n`);
}

export function line(text: string): void {
  write(`  ${text}\n`);
}

export function note(text: string): void {
  write(`  ${styleText("green", text)}\n`);
}

/** Passes on what a program says, as it says it. */
export function quote(text: string): void {
  write(text);
}

/** Columns as wide as their widest cell. */
export function table(rows: readonly (readonly string[])[]): void {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  for (const row of rows)
    line(
      row
        .map((cell, at) => cell.padEnd(widths[at] ?? 0))
        .join("  ")
        .trimEnd(),
    );
}

function write(text: string): void {
  process.stdout.write(text);
}

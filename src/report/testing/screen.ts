/**
 * A terminal as small as the tests need: text, CR, LF, cursor up, clearing, and lines that wrap and
 * break again when it is made narrower. Throws at any other escape sequence.
 */
export class Screen {
  columns: number;
  rows: number;
  /** Every line there ever was, the screen's at the end. */
  lines: string[] = [""];
  #row = 0;
  #column = 0;

  constructor(columns: number, rows: number) {
    this.columns = columns;
    this.rows = rows;
  }

  write(text: string): void {
    for (const [token] of text.matchAll(/\x1b\[\??[0-9;]*[A-Za-z]|\r|\n|[^\x1b\r\n]/gu)) this.#take(token);
  }

  /** What is to be read, trailing blanks apart. */
  text(): string[] {
    const lines = this.lines.map((line) => line.trimEnd());
    while (lines.at(-1) === "") lines.pop();
    return lines;
  }

  /** Breaks lines that are too long now, as terminals of today do; the cursor stays on its line. */
  narrow(columns: number): void {
    const cursor = this.#row;
    const broken: string[] = [];
    for (const [index, line] of this.lines.entries()) {
      if (index === cursor) this.#row = broken.length;
      const trimmed = line.trimEnd();
      for (let at = 0; at === 0 || at < trimmed.length; at += columns) broken.push(trimmed.slice(at, at + columns));
    }
    this.lines = broken;
    this.columns = columns;
  }

  #take(token: string): void {
    if (token === "\r") this.#column = 0;
    else if (token === "\n") this.#lineFeed();
    else if (token.startsWith("\x1b")) this.#escape(token);
    else this.#put(token);
  }

  #put(character: string): void {
    if (this.#column >= this.columns) {
      this.#column = 0;
      this.#lineFeed();
    }
    const line = (this.lines[this.#row] ?? "").padEnd(this.#column);
    this.lines[this.#row] = line.slice(0, this.#column) + character + line.slice(this.#column + 1);
    this.#column++;
  }

  #lineFeed(): void {
    this.#row++;
    if (this.#row === this.lines.length) this.lines.push("");
  }

  #escape(token: string): void {
    if (/\[\?2026[hl]$/.test(token) || token.endsWith("m")) return;
    const top = Math.max(0, this.lines.length - this.rows);
    const rows = Number(/^\x1b\[(\d+)A$/.exec(token)?.[1] ?? 0);
    if (rows > 0) this.#row = Math.max(top, this.#row - rows);
    else if (token === "\x1b[K") this.lines[this.#row] = (this.lines[this.#row] ?? "").slice(0, this.#column);
    else if (token === "\x1b[J") this.#clearBelow();
    else throw new Error(`unexpected escape sequence ${JSON.stringify(token)}`);
  }

  #clearBelow(): void {
    this.lines[this.#row] = (this.lines[this.#row] ?? "").slice(0, this.#column);
    for (let row = this.#row + 1; row < this.lines.length; row++) this.lines[row] = "";
  }
}

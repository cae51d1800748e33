import fc from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { AppError } from "../base/errors.ts";
import { styleOf } from "./style.ts";
import { openTty } from "./tty.ts";
import { Screen } from "./testing/screen.ts";
import { COMPILE, DOWNLOAD, output, SAMPLE_BUILD, step, timed } from "./testing/sample-build.ts";
import { Window } from "./window.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function open(screen: Screen): { progress: ReturnType<typeof openTty>; written: () => string } {
  let written = "";
  const progress = openTty({
    write: (text) => {
      written += text;
      screen.write(text);
    },
    size: () => ({ columns: screen.columns, rows: screen.rows }),
    style: styleOf(false),
    now: () => Date.now(),
  });
  return { progress, written: () => written };
}

test("what is over scrolls up, the window goes away at the end", () => {
  const screen = new Screen(100, 30);
  const { progress } = open(screen);
  for (const event of SAMPLE_BUILD) {
    vi.advanceTimersByTime(100);
    progress.emit(event);
  }
  expect(`\n${screen.text().join("\n")}\n`).toMatchInlineSnapshot(`
    "
    ✓ [context]  0.0s  always
    ✓ [linux/amd64+arm64+arm/v7 build 3/6] RUN go mod download  1.2s  go.sum (content)
    ✓ [linux/arm64 build 5/6] RUN go build -o /app .  1.6s  main.go (content)
    = [linux/arm/v7 stage-1 2/2] COPY --from=build /app /app  cached (result in the store)
    warning[CACHE_IMPORT]: cache registry.example.com/c is not reachable
    help: Check the address.

    3 steps ran, 1 cached; 1 layer uploaded (4.5 MB), 2 already there; 45.0 MB pulled; 10.3s
    => localhost:5000/demo/web:latest
       sha256:5555555555555555555555555555555555555555555555555555555555555555
    "
  `);
});

test("the window is redrawn in place", () => {
  const screen = new Screen(60, 30);
  const { progress, written } = open(screen);
  for (const event of SAMPLE_BUILD.slice(0, 12)) {
    progress.emit(event);
    vi.advanceTimersByTime(1000);
  }
  expect(`\n${screen.text().join("\n")}\n`).toMatchInlineSnapshot(`
    "
    ✓ [context]  0.0s  always
    building Dockerfile for linux/amd64+a…  1 of 4 steps  12.0s
    > [linux/amd64+arm64+arm/v7 build 3/6] RUN go mod do…  4.0s
      │ go: downloading github.com/go-chi/chi/v5 v5.2.1
      │ go: downloading go.uber.org/zap
    > [linux/arm64 build 5/6] RUN go build -o /app .       3.6s
      │ # example.com/web
    "
  `);
  progress.close();
  const before = written();
  vi.advanceTimersByTime(1000);
  progress.close();
  expect(written()).toBe(before);
  expect(screen.text()).toEqual(["✓ [context]  0.0s  always"]);
});

test("a step that fails leaves its last lines", () => {
  const screen = new Screen(60, 30);
  const { progress } = open(screen);
  const lines = Array.from({ length: 100 }, (_, n) => `line ${n}\n`).join("");
  const error = new AppError("RUN_FAILED", "exit code 1");
  const events = timed([
    [0, { kind: "step.started", ...COMPILE, reason: "" }],
    [1, output(COMPILE, `${lines}the reason`, "stderr")],
    [1, { kind: "step.failed", ...COMPILE, milliseconds: 2, error }],
    [1, { kind: "build.failed", milliseconds: 3, error }],
  ]);
  for (const event of events) progress.emit(event);
  const text = screen.text();
  expect(text[0]).toBe("✗ [linux/arm64 build 5/6] RUN go build -o /app .  failed after 0.0s".slice(0, 60));
  expect(text).toContain("│ the reason");
  expect(text).toContain("│ line 99");
  expect(text).not.toContain("│ line 70");
  expect(text.at(-1)).toBe("failed after 0.0s");
});

test("a build that begins again counts from nothing, and shows nothing of what failed", () => {
  const screen = new Screen(80, 24);
  const { progress } = open(screen);
  for (const event of timed([
    [0, { kind: "build.started", platforms: ["linux/arm64"], dockerfile: "Dockerfile" }],
    [0, { kind: "build.planned", steps: 2, stages: [] }],
    [1, { kind: "step.cached", ...DOWNLOAD, reason: "" }],
    [1, { kind: "layer.started", ...COMPILE, action: "extract" }],
    [1, { kind: "build.planned", steps: 2, stages: [] }],
    [1, { kind: "step.started", ...COMPILE, reason: "" }],
  ])) {
    progress.emit(event);
  }
  vi.advanceTimersByTime(5000);
  const text = screen.text().join("\n");
  expect(text).toContain("0 of 2 steps");
  expect(text).not.toContain("extract layer");
  progress.close();
});

test("interrupted at any moment, the terminal is in no mode and the cursor below all text", () => {
  const screen = new Screen(80, 24);
  const { progress, written } = open(screen);
  for (const event of SAMPLE_BUILD.slice(0, 12)) {
    progress.emit(event);
    vi.advanceTimersByTime(100);
    const text = written();
    expect(text.split("\x1b[?2026h").length).toBe(text.split("\x1b[?2026l").length);
    expect(text.replaceAll(/\x1b\[\?2026[hl]/g, "")).not.toContain("\x1b[?");
    expect(screen.lines.at(-1)).toBe("");
  }
});

test("hostile output drives no terminal", () => {
  const screen = new Screen(80, 24);
  const { progress } = open(screen);
  const evil = "\x1b[2J\x1b[99A\x1b]0;t\x07\u009b2Jtext\u202e";
  const name = step("x", evil, `RUN ${evil}`, "linux/amd64");
  for (const event of timed([
    [0, { kind: "step.started", ...name, reason: evil }],
    [1, output(name, `${evil}\n${evil}`)],
  ])) {
    progress.emit(event);
  }
  // Throws at any sequence that the window does not use itself.
  vi.advanceTimersByTime(200);
  expect(screen.text().join("\n")).toContain("│ text");
  progress.emit({ time: 300, kind: "step.done", ...name, milliseconds: 300 });
  vi.advanceTimersByTime(200);
  expect(screen.text()).toContain("✓ [linux/amd64 text] RUN text  0.3s  text");
});

test("nothing is written while nothing changes", () => {
  const written: string[] = [];
  const window = new Window((text) => written.push(text));
  const size = { columns: 80, rows: 24 };
  window.update([], ["a", "b", "c"], size);
  window.update([], ["a", "b", "c"], size);
  expect(written).toHaveLength(1);
  window.update([], ["a", "B", "c"], size);
  expect(written[1]).not.toMatch(/[ac]/);
});

test("the screen is what scrolled, then the window, whatever the updates and the width", () => {
  const text = fc.tuple(fc.nat(30), fc.constantFrom("a", "b", "c")).map(([length, letter]) => letter.repeat(length));
  const update = fc.record({
    scrolled: fc.array(text, { maxLength: 3 }),
    lines: fc.array(text, { maxLength: 5 }),
    columns: fc.integer({ min: 12, max: 60 }),
  });
  fc.assert(
    fc.property(fc.array(update, { maxLength: 12 }), (updates) => {
      const screen = new Screen(60, 50);
      const window = new Window((piece) => screen.write(piece));
      const above: string[] = [];
      for (const { scrolled, lines, columns } of updates) {
        if (columns < screen.columns) screen.narrow(columns);
        const fitting = lines.map((line) => line.slice(0, screen.columns - 1));
        window.update(scrolled, fitting, { columns: screen.columns, rows: 50 });
        above.push(...scrolled);
        // Broken lines above are joined for comparing; the window's are never broken.
        const shown = screen.text().join("");
        expect(shown).toBe([...above, ...fitting].join(""));
      }
    }),
  );
});

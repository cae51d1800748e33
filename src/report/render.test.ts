import fc from "fast-check";
import { expect, test } from "vitest";
import { render } from "./render.ts";
import { styleOf } from "./style.ts";
import { TtyState } from "./tty-state.ts";
import type { View } from "./tty-state.ts";
import { SAMPLE_BUILD } from "./testing/sample-build.ts";
import { displayWidth } from "./width.ts";

const PLAIN = styleOf(false);

/** The window after the first `count` events of the sample. */
function viewAfter(count: number): View {
  const state = new TtyState(PLAIN);
  for (const event of SAMPLE_BUILD.slice(0, count)) state.take(event);
  return state.view(SAMPLE_BUILD[count - 1]?.time ?? 0);
}

const show = (view: View, columns: number, rows: number): string =>
  `\n${render(view, columns, rows, PLAIN).join("\n")}\n`;

test("steps in work with the last of their output", () => {
  expect(show(viewAfter(12), 100, 30)).toMatchInlineSnapshot(`
    "
    building Dockerfile for linux/amd64+arm64+arm/v7                                 1 of 4 steps  8.5s
    > [linux/amd64+arm64+arm/v7 build 3/6] RUN go mod download                                     0.4s
      │ go: downloading github.com/go-chi/chi/v5 v5.2.1
      │ go: downloading go.uber.org/zap 
    > [linux/arm64 build 5/6] RUN go build -o /app .                                               0.0s
      │ # example.com/web
    "
  `);
});

test("at forty columns", () => {
  expect(show(viewAfter(12), 40, 30)).toMatchInlineSnapshot(`
    "
    building Dockerfil…  1 of 4 steps  8.5s
    > [linux/amd64+arm64+arm/v7 buil…  0.4s
      │ go: downloading github.com/go-chi/…
      │ go: downloading go.uber.org/zap 
    > [linux/arm64 build 5/6] RUN go…  0.0s
      │ # example.com/web
    "
  `);
});

test("transfers", () => {
  expect(show(viewAfter(6), 100, 30)).toMatchInlineSnapshot(`
    "
    building Dockerfile for linux/amd64+arm64+arm/v7                                 1 of 4 steps  1.0s
    > pull layer 111111111111 docker.io/library/golang                          2.0 MB of 45.0 MB  1.0s
    "
  `);
});

test("before the build is known", () => {
  const view = new TtyState(PLAIN).view(300);
  expect(show(view, 40, 24)).toMatchInlineSnapshot(`
    "
    preparing                 0 steps  0.3s
    "
  `);
});

test("more steps than fit are counted", () => {
  const step = (n: number): View["steps"][number] => ({ title: `step ${n}`, started: 0, tail: ["a", "b", "c"] });
  const view: View = { ...viewAfter(1), now: 1000, steps: Array.from({ length: 9 }, (_, n) => step(n)), transfers: [] };
  expect(show(view, 40, 12)).toMatchInlineSnapshot(`
    "
    building Dockerfile for…  0 steps  1.0s
    > step 0                           1.0s
    > step 1                           1.0s
    > step 2                           1.0s
    > step 3                           1.0s
      … and 5 more
    "
  `);
  expect(show({ ...view, steps: view.steps.slice(0, 2) }, 40, 14)).toMatchInlineSnapshot(`
    "
    building Dockerfile for…  0 steps  1.0s
    > step 0                           1.0s
      │ b
      │ c
    > step 1                           1.0s
      │ b
      │ c
    "
  `);
});

test("no line is wider than the terminal, and there are never more than fit", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "你", " ", "\t", "😀", "/"), maxLength: 80 });
  const steps = fc.array(fc.record({ title: text, started: fc.nat(1e6), tail: fc.array(text, { maxLength: 6 }) }), {
    maxLength: 30,
  });
  const transfers = fc.array(
    fc.record({ title: text, started: fc.nat(1e6), bytes: fc.nat(), total: fc.option(fc.nat(), { nil: undefined }) }),
    { maxLength: 5 },
  );
  fc.assert(
    fc.property(steps, transfers, fc.nat(200), fc.nat(60), fc.boolean(), (inWork, moving, columns, rows, color) => {
      const view: View = { ...viewAfter(1), now: 1e6, steps: inWork, transfers: moving };
      const lines = render(view, columns, rows, styleOf(color));
      expect(lines.length).toBeLessThanOrEqual(Math.max(1, Math.floor(rows / 2)));
      expect(lines.length).toBeGreaterThan(0);
      for (const line of lines) expect(displayWidth(line)).toBeLessThanOrEqual(Math.max(1, columns - 1));
    }),
  );
});

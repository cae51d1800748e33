import { expect, test } from "vitest";
import { AppError } from "../base/errors.ts";
import type { BuildEventBody } from "../engine/events.ts";
import type { StepId } from "../engine/types.ts";
import { openQuiet } from "./quiet.ts";

const name = (step: string, platform: string) =>
  ({ step: step as StepId, stage: "build 2/2", text: "RUN make", platforms: [platform], shared: false }) as const;
const output = (step: string, text: string): BuildEventBody => ({
  kind: "step.output",
  step: step as StepId,
  stream: "stderr",
  data: Buffer.from(text),
});

test("of all that is printed the last lines of what failed are shown, and where", () => {
  let text = "";
  const { emit } = openQuiet((more) => void (text += more));
  const error = new AppError("RUN_FAILED", "exit code 1");
  for (const event of [
    output("a", "fine\n"),
    output("b", Array.from({ length: 50 }, (_, at) => `line ${at}\n`).join("") + "cannot \x1b[31mlink"),
    { kind: "step.done", ...name("a", "linux/amd64"), milliseconds: 1 },
    { kind: "step.failed", ...name("b", "linux/arm64"), milliseconds: 1, error },
  ] satisfies BuildEventBody[])
    emit({ ...event, time: 0 });
  expect(text).toMatch(/^\[linux\/arm64 build 2\/2\] RUN make\n {2}line 31\n[^]* {2}line 49\n {2}cannot link\n$/);
  expect(text).not.toContain("fine");
});

import { expect, test } from "vitest";
import { describeHistory, describeSteps, Images, plan } from "./plan-fixture.ts";

test("ONBUILD keeps its instruction, heredocs included, without an item in the history", async () => {
  const result = await plan("FROM a\nONBUILD RUN  x \\\n  y\nonbuild COPY <<f <<'g' /d/\n$A\nf\nb\ng\nENV A=b\n");
  expect(result.targets[0]!.config.config.OnBuild).toEqual(["RUN  x   y", "COPY <<f <<'g' /d/\n$A\nf\nb\ng"]);
  expect(describeHistory(result)).toBe("\n  ENV A=b\n");
});

test("triggers of a base image run after FROM, once, and may need stages and images", async () => {
  const images = new Images({
    "a:latest": { config: { OnBuild: ["ENV V=1", "COPY --from=tools /t /t", "RUN --mount=from=c,target=/c x $V"] } },
    "b:latest": { config: { OnBuild: ["RUN made"] } },
  });
  const text = "FROM b AS tools\nFROM a AS app\nRUN own\nFROM app\nRUN last\n";
  const result = await plan(text, { images });
  expect(describeSteps(result)).toMatchInlineSnapshot(`
    "
    1: image b:latest linux/amd64 [tools 1/2 linux/amd64]
    2: run 1 ["/bin/sh","-c","made"] env=PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin cwd=/ user= host linux/amd64 [tools 2/2 linux/amd64]
    3: image a:latest linux/amd64 [app 1/4 linux/amd64]
    4: copy 3<2 t -> /t [app 2/4 linux/amd64]
    5: image c:latest linux/amd64 [image linux/amd64]
    6: run 4 ["/bin/sh","-c","x $V"] env=PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin,V=1 cwd=/ user= host linux/amd64 [app 3/4 linux/amd64]
    7: run 6 ["/bin/sh","-c","own"] env=PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin,V=1 cwd=/ user= host linux/amd64 [app 4/4 linux/amd64]
    8: run 7 ["/bin/sh","-c","last"] env=PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin,V=1 cwd=/ user= host linux/amd64 [stage-2 1/1 linux/amd64]
    "
  `);
  expect(result.targets[0]!.config.config.OnBuild).toBeUndefined();
  expect(images.asked).toEqual(["a:latest linux/amd64", "b:latest linux/amd64", "c:latest linux/amd64"]);
});

test("a stage's own triggers run in the stages that begin with it, and no further", async () => {
  const result = await plan("FROM a AS one\nONBUILD RUN hook\nFROM one AS two\nRUN x\nFROM two\nRUN y\n");
  const commands = [...result.graph.steps.values()].flatMap((step) => (step.kind === "run" ? [step.argv.at(-1)] : []));
  expect(commands).toEqual(["hook", "x", "y"]);
  expect(result.targets[0]!.config.config.OnBuild).toBeUndefined();
});

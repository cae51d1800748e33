import { expect, test } from "vitest";
import { Images, plan } from "./plan-fixture.ts";

const names = ["NOPE", "GLOBAL", "UNREACHED", "OWN", "TRIGGER", "LATER", "http_proxy", "BUILDKIT_X", "TARGETARCH"];
const buildArgs = Object.fromEntries(names.map((name) => [name, "1"]));

test("build args that nothing declares are named", async () => {
  const text = "ARG GLOBAL\nFROM b\nARG UNREACHED\nFROM a\nARG OWN=x\nONBUILD ARG LATER\n";
  const images = new Images({ "a:latest": { config: { OnBuild: ["ARG TRIGGER"] } } });
  expect((await plan(text, { buildArgs, images })).unusedArgs).toEqual(["NOPE"]);
  expect((await plan("FROM a\n", { buildArgs: {} })).unusedArgs).toEqual([]);
});

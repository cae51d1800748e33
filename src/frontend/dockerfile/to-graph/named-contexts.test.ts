import { expect, test } from "vitest";
import { describeSteps, Images, plan } from "./plan-fixture.ts";
import type { NamedContext } from "./request.ts";

const contexts = new Map<string, NamedContext>([
  ["dir", { kind: "directory", directory: "/dir", ignore: ["x"] }],
  ["golang", { kind: "image", name: "mirror.test/go:1" }],
  ["golang::linux/arm64", { kind: "image", name: "mirror.test/go:arm" }],
  ["stage", { kind: "directory", directory: "/instead", ignore: [] }],
]);

test("a directory can be copied from, mounted and begun with", async () => {
  const text = "FROM dir\nCOPY --from=DIR a b\nRUN --mount=from=dir,source=s,target=/t x\n";
  expect(describeSteps(await plan(text, { contexts }))).toMatchInlineSnapshot(`
    "
    1: context /dir [context linux/amd64]
    2: scratch [image linux/amd64]
    3: copy 2<1 . -> / into [context dir linux/amd64]
    4: copy 3<1 a -> /b [1/3 linux/amd64]
    5: copy 2<1 s -> /context [mount s linux/amd64]
    6: run 4 ["/bin/sh","-c","x"] env=PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin cwd=/ user= host linux/amd64 [2/3 linux/amd64]
    "
  `);
});

test("an image stands for another, for one platform before all, with :latest or without", async () => {
  const images = new Images();
  const platforms = ["linux/amd64", "linux/arm64"];
  await plan("FROM golang:latest\nCOPY --from=golang /a /b\n", { contexts, images, platforms });
  expect(images.asked.sort()).toEqual(["mirror.test/go:1 linux/amd64", "mirror.test/go:arm linux/arm64"]);
  await plan("FROM golang:1.26\n", { contexts, images });
  expect(images.asked.at(-1)).toBe("golang:1.26 linux/amd64");
});

test("a name counts before a stage of that name, which is then not built", async () => {
  const images = new Images();
  const { graph } = await plan("FROM missing AS stage\nRUN no\nFROM a\nCOPY --from=stage a b\n", { contexts, images });
  expect([...graph.steps.values()].map(({ kind }) => kind)).toEqual(["image", "context", "copy"]);
  expect(images.asked).toEqual(["a:latest linux/amd64"]);
});

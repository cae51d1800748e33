import { expect, test } from "vitest";
import { digestOf } from "../../../oci/digest.ts";
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

test("a stage stands for an image or another stage, if it begins before", async () => {
  const names = new Map<string, NamedContext>([
    ["base", { kind: "stage", name: "Made" }],
    ["none", { kind: "stage", name: "nothing" }],
  ]);
  const images = new Images();
  const text = "FROM a AS made\nRUN x\nFROM base\nCOPY --from=base a b\nRUN --mount=from=base,target=/m y\n";
  const { graph } = await plan(text, { contexts: names, images });
  expect(images.asked).toEqual(["a:latest linux/amd64"]);
  expect([...graph.steps.values()].map(({ kind }) => kind)).toEqual(["image", "run", "copy", "run"]);
  await expect(plan("FROM base\nFROM a AS made\n", { contexts: names })).rejects.toMatchObject({
    code: "DOCKERFILE_STAGE_ORDER",
  });
  await expect(plan("FROM none\n", { contexts: names })).rejects.toMatchObject({ code: "DOCKERFILE_UNKNOWN_STAGE" });
});

test("a repository, a file and an archive can be copied from, mounted and begun with", async () => {
  const git = { kind: "git", remote: "https://h/a.git", byCommit: false, directory: "", submodules: true } as const;
  const blob = { name: "context", digest: digestOf(Buffer.from("x")), size: 1, mode: 0o600, mtime: "0" };
  const names = new Map<string, NamedContext>([
    ["repo", { kind: "files", files: { kind: "files", step: { ...git, keepGitDir: false } } }],
    ["web", { kind: "files", files: { kind: "files", step: { kind: "http", url: "https://h/x", name: "context" } } }],
    ["tar", { kind: "files", files: { kind: "archive", file: { kind: "file", ...blob } } }],
  ]);
  const text = "FROM repo\nCOPY --from=web context /c\nRUN --mount=from=tar,source=d,target=/t x\n";
  const steps = describeSteps(await plan(text, { contexts: names }));
  expect(steps.replaceAll(/sha256:\w+/g, "DIGEST").replace(/ \[.*env=.*$/m, "")).toMatchInlineSnapshot(`
    "
    1: git https://h/a.git [context linux/amd64]
    2: scratch [image linux/amd64]
    3: copy 2<1 . -> / into [context repo linux/amd64]
    4: http https://h/x context [context linux/amd64]
    5: copy 3<4 context -> /c [1/3 linux/amd64]
    6: file context DIGEST [context linux/amd64]
    7: copy 2<6 context -> / into [context linux/amd64]
    8: copy 2<7 d -> /context [mount d linux/amd64]
    9: run 5
    "
  `);
});

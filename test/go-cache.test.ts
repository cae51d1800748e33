import { afterAll, beforeAll, expect, test } from "vitest";
import { startBed, type Bed } from "./bed/bed.ts";
import { build } from "./support/build-log.ts";
import { newContext, writeFiles } from "./support/context.ts";
import { pushed } from "./support/push.ts";

let bed: Bed;
beforeAll(async () => {
  bed = await startBed();
});
afterAll(() => bed[Symbol.asyncDispose]());

const COUNT = `RUN echo run >> "$GOCACHE/count" && wc -l < "$GOCACHE/count"`;

test("a Go image's RUNs find what earlier builds of the same project left in the cache", async () => {
  const dockerfile = (edit: string): string => `FROM busybox\nENV GOPATH=/go\nRUN : ${edit}\n${COUNT}\n`;
  const directory = newContext(bed, { Dockerfile: dockerfile("one") });
  expect((await build(bed, [directory])).steps.at(-1)?.output).toBe("1\n");
  writeFiles(directory, { Dockerfile: dockerfile("two") });
  expect((await build(bed, [directory])).steps.at(-1)?.output).toBe("2\n");
  // Another project does not see it.
  const other = newContext(bed, { Dockerfile: dockerfile("one") });
  expect((await build(bed, ["--no-cache", other])).steps.at(-1)?.output).toBe("1\n");
  const off = await build(bed, [
    "--go-cache=off",
    newContext(bed, { Dockerfile: `FROM busybox\nENV GOPATH=/go\nRUN echo "[$GOCACHE]"\n` }),
  ]);
  expect(off.steps.at(-1)?.output).toBe("[]\n");
});

test("each user has a cache to write, and one that the Dockerfile chose stays", async () => {
  const users = `FROM busybox\nENV GOPATH=/go\n${COUNT}\nUSER 1000:1000\n${COUNT}\nENV GOCACHE=/tmp/own\nRUN echo "$GOCACHE"\n`;
  const built = await build(bed, [newContext(bed, { Dockerfile: users })]);
  expect(built.steps.slice(-3).map((step) => step.output)).toEqual(["1\n", "1\n", "/tmp/own\n"]);
});

test("nothing of the cache is in the image, and other images' RUNs have none", async () => {
  using image = await pushed(bed, `FROM busybox\nENV GOPATH=/go\n${COUNT}\nRUN env | grep -v GOCACHE > /env\n`);
  expect(JSON.stringify(image.config)).not.toContain("GOCACHE=");
  expect(Object.keys(image.root.files).filter((path) => /manyarch|go-build|^dev\/./.test(path))).toEqual([]);
  const plain = await build(bed, [newContext(bed, { Dockerfile: `FROM busybox\nRUN echo "[$GOCACHE]"\n` })]);
  expect(plain.steps.at(-1)?.output).toBe("[]\n");
});

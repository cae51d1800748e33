import { expect, test } from "vitest";
import type { Entry } from "../../layer/entry.ts";
import { bytesContent } from "../../layer/file-content.ts";
import { readInside } from "./read-inside.ts";

const common = { mode: 0o644, uid: 0, gid: 0, mtime: 5n };
const file = (path: string, text: string, mtime = 5n): Entry => {
  const bytes = Buffer.from(text);
  return { type: "file", path, ...common, mtime, size: bytes.length, content: bytesContent(bytes) };
};
const link = (path: string, target: string): Entry => ({ type: "symlink", path, ...common, target });

async function read(make: () => readonly Entry[], ...paths: readonly string[]): Promise<string | undefined> {
  async function* open(): AsyncGenerator<Entry> {
    yield* make();
  }
  const { file: found } = await readInside(open, paths);
  return found === undefined ? undefined : `${found.path}: ${Buffer.from(found.bytes).toString()}`;
}

test("the first of the wanted files that is there", async () => {
  const entries = (): readonly Entry[] => [file("dockerfile", "low"), file("other", "x")];
  expect(await read(entries, "Dockerfile", "dockerfile")).toBe("dockerfile: low");
  expect(await read(() => [...entries(), file("Dockerfile", "up")], "Dockerfile", "dockerfile")).toBe("Dockerfile: up");
  expect(await read(entries, "./other")).toBe("./other: x");
  expect(await read(entries, "../../other")).toBe("../../other: x");
  expect(await read(entries, "none")).toBeUndefined();
});

test("links are followed inside, of directories too, and never out of the root", async () => {
  const entries = (): readonly Entry[] => [
    link("a", "b"),
    link("b", "/dir/../up/c"),
    link("up", "../../dir"),
    file("dir/c", "C"),
    { type: "hardlink", path: "hard", ...common, target: "dir/c" },
    link("loop", "loop2"),
    link("loop2", "loop"),
  ];
  expect(await read(entries, "a")).toBe("a: C");
  expect(await read(entries, "up/c")).toBe("up/c: C");
  expect(await read(entries, "hard")).toBe("hard: C");
  expect(await read(entries, "loop")).toBeUndefined();
});

test("of a path that comes twice the last one counts", async () => {
  expect(await read(() => [link("f", "g"), file("g", "G"), file("f", "F")], "f")).toBe("f: F");
  expect(await read(() => [file("f", "F"), file("g", "G"), link("f", "g")], "f")).toBe("f: G");
});

test("the newest file and the root's time", async () => {
  async function* open(): AsyncGenerator<Entry> {
    yield { type: "directory", path: "", ...common, mtime: 9n };
    yield file("a", "", 3n);
    yield file("b", "", 7n);
    yield { ...link("l", "a"), mtime: 100n } as Entry;
  }
  expect(await readInside(open, [])).toEqual({ file: undefined, rootTime: 9n, newest: 7n });
});

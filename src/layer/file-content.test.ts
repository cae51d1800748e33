import {
  appendFileSync,
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { execFileSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Content } from "./entry.ts";
import { bytesContent, fileContent } from "./file-content.ts";
import { tarBlocks } from "./tar/writer.ts";
import { codeOf, collect } from "./testing/collect.ts";

const MIB = 1024 * 1024;
let directory: string;
let path: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "file-content-"));
  path = join(directory, "file");
});
afterAll(() => rmSync(directory, { recursive: true }));

function readAll(content: Content): Buffer {
  const parts: Buffer[] = [];
  for (;;) {
    const bytes = content.next();
    if (bytes instanceof Promise) throw new Error("expected bytes at once");
    if (bytes === undefined) break;
    parts.push(Buffer.from(bytes));
  }
  content.close();
  return Buffer.concat(parts);
}

test.each([0, 1, 4095, MIB - 1, MIB, MIB + 1, 3 * MIB])(
  "reads a file of %i bytes, by path and by descriptor",
  (bytes) => {
    const data = Buffer.alloc(bytes, "some text ");
    writeFileSync(path, data);
    expect(readAll(fileContent(path, bytes)).equals(data)).toBe(true);
    expect(readAll(fileContent(Buffer.from(path), bytes)).equals(data)).toBe(true);
    const descriptor = openSync(path, "r");
    expect(readAll(fileContent(descriptor, bytes)).equals(data)).toBe(true);
    expect(readAll(fileContent(descriptor, bytes)).equals(data)).toBe(true);
    closeSync(descriptor);
  },
);

test.each([0, 10, MIB])("a file of %i bytes that grew or shrank is noticed by the sink", async (bytes) => {
  const pack = (): Promise<string> => {
    const content = fileContent(path, bytes);
    return codeOf(
      collect(tarBlocks([{ type: "file", path: "f", mode: 0, uid: 0, gid: 0, mtime: 0n, size: bytes, content }])),
    );
  };
  writeFileSync(path, Buffer.alloc(bytes));
  expect(await pack()).toBe("none");
  appendFileSync(path, "x");
  expect(await pack()).toBe("LAYER_CONTENT_CHANGED");
  if (bytes === 0) return;
  truncateSync(path, bytes - 1);
  expect(await pack()).toBe("LAYER_CONTENT_CHANGED");
});

test("contents read in turns keep apart", () => {
  writeFileSync(path, "one");
  writeFileSync(`${path}2`, "two");
  const [first, second] = [fileContent(path, 3), fileContent(`${path}2`, 3)];
  const one = first.next();
  const two = second.next();
  expect([String(one), String(two)]).toEqual([String(Buffer.from("one")), String(Buffer.from("two"))]);
  first.close();
  second.close();
});

test("what was replaced by a link, a fifo, a directory or nothing is refused at once, and nothing stays open", () => {
  writeFileSync(path, "data");
  symlinkSync(path, `${path}-link`);
  execFileSync("mkfifo", [`${path}-fifo`]);
  const before = readdirSync("/proc/self/fd").length;
  for (const replaced of [`${path}-link`, `${path}-fifo`, directory, `${path}-gone`, `${path}/below`]) {
    const content = fileContent(replaced, 4);
    expect(() => content.next()).toThrow(expect.objectContaining({ code: "LAYER_CONTENT_CHANGED" }));
    content.close();
  }
  fileContent(path, 4).close();
  readAll(fileContent(path, 4));
  expect(readdirSync("/proc/self/fd")).toHaveLength(before);
});

test("bytes are given once", () => {
  expect(readAll(bytesContent(Buffer.from("abc"))).toString()).toBe("abc");
  expect(readAll(bytesContent(new Uint8Array(0)))).toHaveLength(0);
});

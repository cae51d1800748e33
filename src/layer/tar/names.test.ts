import { expect, test } from "vitest";
import { codeOf, collectEntries } from "../testing/collect.ts";
import { readTar } from "./reader.ts";

/** `name[ -> target]`, type and what becomes of it: an entry, `-` for none, or the code of the refusal. */
test.each([
  ["a", "0", "file a"],
  ["./a", "0", "file a"],
  ["/a", "0", "file a"],
  ["//a//b/./c", "0", "file a/b/c"],
  ["a/../b", "0", "file b"],
  ["d/", "5", "directory d"],
  ["f/", "0", "file f"],
  ["f/", "\0", "directory f"],
  ["./", "5", "directory "],
  ["/", "5", "directory "],
  [".", "5", "directory "],
  ["..", "5", "TAR_UNSAFE_PATH"],
  ["../a", "0", "TAR_UNSAFE_PATH"],
  ["/../a", "0", "TAR_UNSAFE_PATH"],
  ["a/../../b", "0", "TAR_UNSAFE_PATH"],
  ["./../b", "0", "TAR_UNSAFE_PATH"],
  ["...", "0", "file ..."],
  ["..a/b..", "0", "file ..a/b.."],
  ["", "0", "TAR_UNSAFE_PATH"],
  [".", "0", "TAR_UNSAFE_PATH"],
  ["/ -> etc", "2", "TAR_UNSAFE_PATH"],
  ["l -> ../../x", "2", "symlink l -> ../../x"],
  ["l -> /etc//mtab", "2", "symlink l -> /etc//mtab"],
  ["l -> ", "2", "TAR_INVALID"],
  ["h -> /a//b", "1", "hardlink h -> a/b"],
  ["h -> ./a", "1", "hardlink h -> a"],
  ["h -> ../a", "1", "TAR_UNSAFE_PATH"],
  ["h -> a/../../b", "1", "TAR_UNSAFE_PATH"],
  ["h -> ", "1", "TAR_INVALID"],
  ["h -> .wh.a", "1", "TAR_INVALID"],
  [".wh.a", "0", "whiteout a"],
  ["d/.wh.a", "0", "whiteout d/a"],
  ["d/.wh.a", "5", "whiteout d/a"],
  ["d/.wh.a -> x", "2", "whiteout d/a"],
  [".wh..a", "0", "whiteout .a"],
  ["d/.wh....", "0", "whiteout d/..."],
  [".wh..wh..opq", "0", "opaque "],
  ["./d/.wh..wh..opq", "0", "opaque d"],
  [".wh.", "0", "TAR_INVALID"],
  [".wh..", "0", "TAR_INVALID"],
  [".wh...", "0", "TAR_INVALID"],
  ["d/.wh.", "0", "TAR_INVALID"],
  ["d/.wh..", "0", "TAR_INVALID"],
  ["d/.wh...", "0", "TAR_INVALID"],
  [".wh./", "5", "TAR_INVALID"],
  ["d/.wh..wh.x", "0", "TAR_INVALID"],
  [".wh.d/a", "0", "TAR_INVALID"],
  ["e/.wh.d/a", "0", "TAR_INVALID"],
  [".wh..wh.plnk/12.3", "0", "-"],
  [".wh..wh.aufs", "0", "-"],
  ["a.wh.b", "0", "file a.wh.b"],
  ["u", "Z", "TAR_UNSUPPORTED"],
  ["u", "7", "TAR_UNSUPPORTED"],
  ["s", "S", "TAR_UNSUPPORTED"],
])("%j of type %j is %j", async (text, type, expected) => {
  const [name = "", linkname = ""] = text.split(" -> ");
  const read = collectEntries(readTar([header(name, linkname, type)]));
  const shown = read.then((entries) =>
    entries.map((entry) => `${entry.type} ${entry.path}${"target" in entry ? ` -> ${entry.target}` : ""}`).join(),
  );
  expect(
    await shown.then(
      (found) => found || "-",
      () => codeOf(read),
    ),
  ).toBe(expected);
});

test.each([
  ["uid", 108, 8, "TAR_UNSUPPORTED"],
  ["gid", 116, 8, "TAR_UNSUPPORTED"],
  ["size", 124, 12, "TAR_INVALID"],
])("a negative %s is refused", async (_, at, length, code) => {
  const block = header("f", "", "0");
  block.fill(0xff, at, at + length);
  seal(block);
  expect(await codeOf(collectEntries(readTar([block])))).toBe(code);
});

test.each([
  ["major", 329, "0010000"],
  ["minor", 337, "4000000"],
])("a %s number that no device has is refused", async (_, at, octal) => {
  const block = header("dev", "", "3");
  block.write(`${octal}\0`, at);
  seal(block);
  expect(await codeOf(collectEntries(readTar([block])))).toBe("TAR_UNSUPPORTED");
});

test("a negative size is refused even where a PAX record says another one", async () => {
  const pax = header("x", "", "x");
  const record = "10 size=0\n";
  pax.write(`${record.length.toString(8).padStart(11, "0")}\0`, 124);
  seal(pax);
  const block = header("f", "", "0");
  block.fill(0xff, 124, 136);
  seal(block);
  const tar = Buffer.concat([pax, Buffer.from(record.padEnd(512, "\0")), block]);
  expect(await codeOf(collectEntries(readTar([tar])))).toBe("TAR_INVALID");
});

test("a component of 256 bytes is refused, one of 255 is not", async () => {
  const named = (bytes: number): Buffer => Buffer.concat([longName("x".repeat(bytes)), header("", "", "0")]);
  expect(await collectEntries(readTar([named(255)]))).toHaveLength(1);
  expect(await codeOf(collectEntries(readTar([named(256)])))).toBe("TAR_LIMIT");
});

test.each([
  ["a long name", "L"],
  ["a PAX header", "x"],
])("%s of more than 1 MiB is refused before it is read", async (_, type) => {
  const block = header("f", "", type);
  block.write("00004000001\0", 124);
  seal(block);
  expect(await codeOf(collectEntries(readTar([block])))).toBe("TAR_LIMIT");
});

function header(name: string, linkname: string, type: string): Buffer {
  const block = Buffer.alloc(512);
  block.write(name, 0, 100, "latin1");
  block.write("0000644\0", 100);
  block.write(linkname, 157, 100, "latin1");
  block.write(type, 156);
  block.write("ustar\x0000", 257);
  seal(block);
  return block;
}

function longName(name: string): Buffer {
  const block = header("././@LongLink", "", "L");
  block.write(`${name.length.toString(8).padStart(11, "0")}\0`, 124);
  seal(block);
  return Buffer.concat([block, Buffer.from(name.padEnd(Math.ceil(name.length / 512) * 512, "\0"))]);
}

function seal(block: Buffer): void {
  block.fill(0x20, 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
}

import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { digestOf } from "../oci/digest.ts";
import { defaultRoot } from "./paths.ts";
import { openStore } from "./store.ts";

const asRoot = test.skipIf(process.getuid?.() !== 0);
let base: string;
let root: string;

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "store-"));
  root = join(base, "a/b/store");
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

function code(value: string): unknown {
  return expect.objectContaining({ code: value });
}

test("makes a store only the user may enter, and finds it again", () => {
  const store = openStore(root);
  expect(store.root).toBe(root);
  expect(statSync(root).mode & 0o777).toBe(0o700);
  expect(readFileSync(join(root, "oci-layout"), "utf8")).toBe('{"imageLayoutVersion":"1.0.0"}\n');
  expect(readFileSync(join(root, "version"), "utf8")).toBe("1\n");
  expect(readdirSync(root).filter((name) => name.startsWith("."))).toEqual([]);
  expect(existsSync(join(root, "records.db"))).toBe(false);
  store.records.table("steps").put("a", 1);
  store.close();
  const again = openStore(root);
  expect(again.records.table("steps").get("a")).toBe(1);
  again.close();
});

test("CVE-2024-9675, CVE-2026-33747: names of snapshots, caches and indexes are of one component", () => {
  const store = openStore(root);
  const digest = digestOf(Buffer.from("x"));
  expect(store.snapshotDirectory(digest)).toBe(join(root, "snapshots", digest.slice(7)));
  expect(store.snapshotDirectory("0a1b")).toBe(join(root, "snapshots/0a1b"));
  expect(store.indexPath(digest)).toBe(join(root, "indexes", `${digest.slice(7)}.json`));
  for (const name of ["", ".", "..", "../x", "a/b", "sha256:../x", "a:b", "a\0b", "-a", "a".repeat(200)]) {
    expect(() => store.snapshotDirectory(name)).toThrow(code("STORE_BAD_NAME"));
    expect(() => store.cacheDirectory(name)).toThrow(code("STORE_BAD_NAME"));
  }
});

test.each([
  ["newer layout", "2\n", "STORE_VERSION"],
  ["much newer layout", "999\n", "STORE_VERSION"],
])("%s is refused and left as it is", (_name, version, expected) => {
  openStore(root).close();
  writeFileSync(join(root, "version"), version);
  expect(() => openStore(root)).toThrow(code(expected));
  expect(readFileSync(join(root, "version"), "utf8")).toBe(version);
});

test.each(["", "1", "garbage\n"])("a version file that a power loss left as %j is made again", (text) => {
  openStore(root).close();
  writeFileSync(join(root, "version"), text);
  rmSync(join(root, "indexes"), { recursive: true });
  openStore(root).close();
  expect(readFileSync(join(root, "version"), "utf8")).toBe("1\n");
  expect(existsSync(join(root, "indexes"))).toBe(true);
});

test("a directory with something else in it does not become a store", () => {
  mkdirSync(root, { recursive: true });
  writeFileSync(join(root, ".bashrc"), "");
  expect(() => openStore(root)).toThrow(code("STORE_FOREIGN"));
  expect(readdirSync(root)).toEqual([".bashrc"]);
});

test("a file system that is mounted for it may be empty but for lost+found", () => {
  mkdirSync(join(root, "lost+found"), { recursive: true });
  openStore(root).close();
  expect(existsSync(join(root, "version"))).toBe(true);
});

test("an empty directory that others may read is closed to them", () => {
  mkdirSync(root, { recursive: true });
  chmodSync(root, 0o755);
  openStore(root).close();
  expect(statSync(root).mode & 0o777).toBe(0o700);
});

test("a file, and what cannot be written, are the store's errors", () => {
  const file = join(base, "file");
  writeFileSync(file, "");
  expect(() => openStore(join(file, "store"))).toThrow(code("STORE_UNWRITABLE"));
  expect(() => openStore("/proc/manyarch/store")).toThrow(code("STORE_UNWRITABLE"));
  expect(() => openStore(file)).toThrow(expect.objectContaining({ hint: expect.stringContaining("--root") }));
});

asRoot("another user's directory is unwritable", () => {
  chmodSync(base, 0o755);
  const program = `
    import { openStore } from ${JSON.stringify(new URL("store.ts", import.meta.url).href)};
    try { openStore(${JSON.stringify(root)}) } catch (error) { console.log(error.code, error.message) }`;
  const said = spawnSync(
    "setpriv",
    ["--reuid=65534", "--clear-groups", process.execPath, "--input-type=module-typescript", "-e", program],
    { encoding: "utf8" },
  );
  expect(said.stdout).toMatch(/^STORE_UNWRITABLE .*permission denied/);
  expect(said.stdout).toContain(root);
});

test("where the store is", () => {
  const cwd = "/work";
  expect(defaultRoot({ env: { HOME: "/home/u" }, cwd })).toBe("/home/u/.local/share/manyarch");
  expect(defaultRoot({ env: { HOME: "/home/u", XDG_DATA_HOME: "/data" }, cwd })).toBe("/data/manyarch");
  expect(defaultRoot({ env: { HOME: "/home/u", XDG_DATA_HOME: "relative" }, cwd })).toBe(
    "/home/u/.local/share/manyarch",
  );
  expect(defaultRoot({ env: { HOME: "/home/u", XDG_DATA_HOME: "/data", MANYARCH_ROOT: "here" }, cwd })).toBe(
    "/work/here",
  );
  expect(defaultRoot({ env: { MANYARCH_ROOT: "", HOME: "/h" }, cwd }, "flag/../there")).toBe("/work/there");
});

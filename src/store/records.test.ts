import {
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { digestOf } from "../oci/digest.ts";
import type { FileIdentity } from "./file-digests.ts";
import { Records } from "./records.ts";

let dir: string;
let path: string;
let notes: string[];
let opened: Records[];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "records-"));
  path = join(dir, "records.db");
  notes = [];
  opened = [];
});
afterEach(() => {
  for (const records of opened) records.close();
  rmSync(dir, { recursive: true, force: true });
});

function open(busyTimeout?: number): Records {
  const records = new Records({
    path,
    quarantine: join(dir, "quarantine"),
    onNote: (code) => notes.push(code),
    busyTimeout,
  });
  opened.push(records);
  return records;
}

/** Changes the file behind the back of {@link Records}. */
function tamper(sql: string): void {
  const database = new DatabaseSync(path);
  database.exec(sql);
  database.close();
}

test("remembers over runs, apart by table and key", () => {
  const table = open().table<{ id: string; n: number | null }>("steps");
  table.put("a", { id: "x", n: 1 });
  table.put("b", { id: "ü\u{1f600}", n: null });
  table.put("a", { id: "y", n: 2 });
  const again = open();
  expect(again.table("steps").get("a")).toEqual({ id: "y", n: 2 });
  expect(again.table("steps").get("b")).toEqual({ id: "ü\u{1f600}", n: null });
  expect(again.table("layers").get("a")).toBeUndefined();
  again.table("steps").delete("a");
  again.table("steps").delete("a");
  expect(table.get("a")).toBeUndefined();
  expect(notes).toEqual([]);
});

test("the longest unused come first, whatever the clock says", () => {
  const first = open().table<number>("steps");
  first.put("a", 1);
  first.put("b", 2);
  first.put("c", 3);
  const second = open();
  second.table("steps").put("a", 1);
  const entries = second.table<number>("steps").entries();
  expect(entries.map(({ key, value }) => [key, value])).toEqual([
    ["b", 2],
    ["c", 3],
    ["a", 1],
  ]);
  expect(entries.map(({ generation }) => generation)).toEqual([1, 1, 2]);
  expect(Math.abs((entries[0]?.usedAt ?? 0) - Date.now())).toBeLessThan(10_000);
});

test("a value is what was put, for any JSON", () => {
  const table = open().table<unknown>("slots");
  fc.assert(
    fc.property(fc.string(), fc.jsonValue(), (key, value) => {
      const stored: unknown = JSON.parse(JSON.stringify(value));
      table.put(key, value);
      expect(table.get(key)).toEqual(stored);
    }),
  );
});

test.each([
  ["changed", "UPDATE records SET value = '{\"n\":2}' WHERE key = 'a'"],
  ["cut short", "UPDATE records SET value = substr(value, 1, 3) WHERE key = 'a'"],
  [
    "of another key",
    "UPDATE records SET value = (SELECT value FROM records WHERE key = 'b'), checksum = (SELECT checksum FROM records WHERE key = 'b') WHERE key = 'a'",
  ],
  ["not text", "UPDATE records SET value = x'00ff' WHERE key = 'a'"],
])("a damaged row (%s) is a miss, and gone", (_name, sql) => {
  const records = open();
  records.table("steps").put("a", { n: 1 });
  records.table("steps").put("b", { n: 5 });
  tamper(sql);
  expect(records.table("steps").get("a")).toBeUndefined();
  expect(notes).toEqual(["RECORD_CORRUPT"]);
  expect(records.table("steps").get("a")).toBeUndefined();
  expect(notes).toHaveLength(1);
  expect(
    records
      .table("steps")
      .entries()
      .map(({ key }) => key),
  ).toEqual(["b"]);
});

test("a transaction is all or nothing, nested ones too", () => {
  const records = open();
  const table = records.table<number>("steps");
  expect(
    records.transaction(() => {
      table.put("a", 1);
      records.transaction(() => table.put("b", 2));
      return table.get("a");
    }),
  ).toBe(1);
  const failure = new Error("no");
  expect(() =>
    records.transaction(() => {
      table.put("a", 10);
      records.transaction(() => table.delete("b"));
      throw failure;
    }),
  ).toThrow(failure);
  expect([table.get("a"), table.get("b")]).toEqual([1, 2]);
});

test("a transaction of one keeps the writes of another out", () => {
  // Both are of one thread here: waiting for the other is waiting for oneself.
  const [one, two] = [open(), open(10)];
  one.table("steps").put("a", 1);
  one.transaction(() => {
    one.table("steps").put("a", 2);
    expect(two.table("steps").get("a")).toBe(1);
    two.table("steps").put("a", 3);
  });
  expect(two.table("steps").get("a")).toBe(2);
  expect(notes).toEqual(["RECORDS_UNWRITABLE"]);
});

test.each([
  ["no database", (): void => writeFileSync(path, "this is not a database, not at all".repeat(100))],
  ["header destroyed", (): void => overwrite(0, 100)],
  ["first page destroyed", (): void => overwrite(100, 3900)],
  ["all but the header destroyed", (): void => overwrite(4096, 1 << 20)],
  ["another program's", (): void => (rmSync(path), tamper("CREATE TABLE records (x); PRAGMA user_version = 1"))],
])("a database that is damaged (%s) is set aside and begun anew", (_name, damage) => {
  const records = open();
  for (let i = 0; i < 500; i++) records.table("steps").put(`key ${i}`, { text: "x".repeat(100) });
  records.close();
  damage();
  const again = open();
  expect(again.table("steps").get("key 250")).toBeUndefined();
  again.table("steps").put("new", 1);
  expect(again.table("steps").get("new")).toBe(1);
  expect(notes).toEqual(["RECORDS_CORRUPT"]);
  expect(existsSync(join(dir, "quarantine/records.db"))).toBe(true);
  again.close();
  expect(open().table("steps").get("new")).toBe(1);
});

function overwrite(from: number, length: number): void {
  const bytes = readFileSync(path);
  bytes.fill(0x5a, from, Math.min(bytes.length, from + length));
  writeFileSync(path, bytes);
}

test("damage that shows while it is open mends too, once", () => {
  const records = open();
  for (let i = 0; i < 2000; i++) records.table("steps").put(`key ${i}`, { text: "x".repeat(200) });
  records.close();
  const again = open();
  expect(again.table("steps").get("key 1")).toBeDefined();
  overwrite(8192, 1 << 20);
  const found = Array.from({ length: 2000 }, (_, i) => again.table("steps").get(`key ${i}`)).filter(
    (value) => value !== undefined,
  );
  expect(found.length).toBeLessThan(2000);
  expect(notes).toEqual(["RECORDS_CORRUPT"]);
});

test("two that find the damage do not set the mended one aside", () => {
  open().close();
  writeFileSync(path, "garbage".repeat(1000));
  const one = open();
  one.table("steps").put("a", 1);
  const two = open();
  expect(two.table("steps").get("a")).toBe(1);
  expect(notes).toEqual(["RECORDS_CORRUPT"]);
});

test("who finds the damage of a file that another one has replaced leaves the new one", () => {
  const records = open();
  for (let i = 0; i < 2000; i++) records.table("steps").put(`key ${i}`, { text: "x".repeat(200) });
  records.close();
  const [one, two] = [open(), open()];
  for (const each of [one, two]) expect(each.table("steps").get("key 1")).toBeDefined();
  overwrite(8192, 1 << 20);
  const readAll = (from: Records): void => {
    for (let i = 0; i < 2000; i++) from.table("steps").get(`key ${i}`);
  };
  readAll(one);
  one.table("steps").put("new", 1);
  readAll(two);
  expect(two.table("steps").get("new")).toBe(1);
  expect(notes).toEqual(["RECORDS_CORRUPT"]);
});

test("a newer schema is refused and not touched", () => {
  open().close();
  tamper("PRAGMA user_version = 2");
  expect(() => open()).toThrow(expect.objectContaining({ code: "STORE_VERSION" }));
  expect(notes).toEqual([]);
  expect(readdirSync(dir)).toContain("records.db");
});

test("where no file can be, a run knows its own records", () => {
  path = join(dir, "no/records.db");
  const records = open();
  records.table("steps").put("a", 1);
  expect(records.table("steps").get("a")).toBe(1);
  expect(notes).toEqual(["RECORDS_UNWRITABLE"]);
});

const base: FileIdentity = {
  dev: 2n ** 63n + 5n,
  ino: 7n,
  size: 10n,
  mtimeNs: 1_700_000_000_123_456_789n,
  ctimeNs: 1_700_000_000_987_654_321n,
};
const LATER = 1_800_000_000_000;
const digest = digestOf(Buffer.from("content"));

test("a file's digest is known while nothing of its stat has changed", () => {
  const { files } = open();
  files.put(base, digest, LATER);
  files.flush();
  expect(files.get(base)).toBe(digest);
  for (const field of ["dev", "ino", "size", "mtimeNs", "ctimeNs"] as const) {
    expect(files.get({ ...base, [field]: base[field] + 1n })).toBeUndefined();
  }
  const other = digestOf(Buffer.from("other"));
  files.put({ ...base, ctimeNs: base.ctimeNs + 1n }, other, LATER);
  files.flush();
  expect(files.get(base)).toBeUndefined();
  expect(files.get({ ...base, ctimeNs: base.ctimeNs + 1n })).toBe(other);
});

test("what is waiting is written at the end", () => {
  const records = open();
  records.files.put(base, digest, LATER);
  records.close();
  expect(open().files.get(base)).toBe(digest);
});

test("a file that changed just before it was read is not remembered", () => {
  const { files } = open();
  const changedAt = 1_700_000_000_500;
  const identity = { ...base, mtimeNs: 1n, ctimeNs: BigInt(changedAt) * 1_000_000n };
  files.put(identity, digest, changedAt + 5);
  files.flush();
  expect(files.get(identity)).toBeUndefined();
  files.put(identity, digest, changedAt + 25);
  files.flush();
  expect(files.get(identity)).toBe(digest);
  const coarse = { ...base, mtimeNs: 1_000_000_000n, ctimeNs: 1_700_000_000_000_000_000n };
  files.put(coarse, digest, 1_700_000_001_900);
  files.flush();
  expect(files.get(coarse)).toBeUndefined();
});

test("a real file", () => {
  const file = join(dir, "file");
  writeFileSync(file, "content");
  utimesSync(file, 1, 1);
  const identity = statSync(file, { bigint: true });
  const { files } = open();
  files.put(identity, digest, Date.now() + 1000);
  files.flush();
  expect(files.get(statSync(file, { bigint: true }))).toBe(digest);
  writeFileSync(file, "changed");
  utimesSync(file, 1, 1);
  expect(files.get(statSync(file, { bigint: true }))).toBeUndefined();
});

test("a damaged digest row is a miss", () => {
  const records = open();
  records.files.put(base, digest, LATER);
  records.close();
  tamper(`UPDATE files SET digest = '${digestOf(Buffer.from("evil"))}'`);
  expect(open().files.get(base)).toBeUndefined();
});

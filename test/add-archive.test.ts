import { chmodSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { randomBytes } from "node:crypto";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { CopyRequest, WorkerResults } from "../src/worker/protocol.ts";
import { runTool } from "./bed/process.ts";
import { rawTar } from "./differential/raw-tar.ts";
import type { Control, Outcome } from "./worker/control.ts";
import { TestStore } from "./worker/control.ts";
import { EACH, skipped } from "./worker/who.ts";

describe.skipIf(skipped("tests of ADD")).each(EACH)("ADD of $name", (who) => {
  let store: TestStore;
  let control: Control;
  let context: string;
  /** What the ADD of a test makes. */
  let added = "";
  let count = 0;

  beforeAll(async () => {
    store = new TestStore(who);
    control = await store.control();
    context = join(store.directory, "context");
    const files = join(store.directory, "files");
    mkdirSync(join(files, "d"), { recursive: true });
    mkdirSync(context);
    writeFileSync(join(files, "d/a"), "A\n", { mode: 0o640 });
    symlinkSync("a", join(files, "d/s"));
    runTool("ln", [join(files, "d/a"), join(files, "d/h")]);
    const owned = ["--owner=7", "--group=8", "--numeric-owner", "--sort=name", "-C", files, "d"];
    runTool("tar", ["-cf", join(context, "plain"), ...owned]);
    for (const flag of ["gzip", "bzip2", "xz", "zstd"])
      runTool("tar", [`--${flag}`, "-cf", join(context, flag), ...owned]);
    const base = join(store.directory, "base");
    mkdirSync(join(base, "real"), { recursive: true });
    symlinkSync("/real", join(base, "link"));
    store.adopt("base", base);
  });
  beforeEach(() => {
    added = `added-${count++}`;
  });
  afterAll(async () => {
    await control.close();
    store.remove();
  });

  async function add(paths: readonly string[], changes: Partial<CopyRequest> = {}): Promise<Outcome> {
    const source = { kind: "context", directory: context, ignore: [] } as const;
    const { ok } = await control.request({ op: "select", source, paths });
    return control.request({
      ...{ op: "copy", source, paths, expect: (ok as WorkerResults["select"]).content, mtime: "0" },
      ...{ destination: "/link/x", intoDirectory: false, base: { kind: "chain", chain: ["base"] }, unpack: true },
      ...{ id: added, result: { kind: "snapshot" } },
      ...changes,
    });
  }

  test.each(["plain", "gzip", "bzip2", "xz", "zstd"])("unpacks %s whatever its name", async (name) => {
    expect(await add([name])).toMatchObject({ ok: {} });
    expect(store.listing(added)).toEqual(["real", "real/x", "real/x/d", "real/x/d/a", "real/x/d/h", "real/x/d/s"]);
    const files = join(store.root, "snapshots", added, "fs/real/x/d");
    expect(readFileSync(join(files, "a"), "utf8")).toBe("A\n");
    expect(statSync(join(files, "a")).ino).toBe(statSync(join(files, "h")).ino);
    expect(statSync(join(files, "a")).mode & 0o777).toBe(0o640);
    if (who.uid === 0) expect([statSync(join(files, "a")).uid, statSync(join(files, "a")).gid]).toEqual([7, 8]);
  });

  test("--chown reaches what was packed, --chmod does not", async () => {
    expect(await add(["gzip"], { owner: "5:6", mode: 0o777 })).toMatchObject({ ok: {} });
    const { mode, uid, gid } = statSync(join(store.root, "snapshots", added, "fs/real/x/d/a"));
    expect(mode & 0o777).toBe(0o640);
    if (who.uid === 0) expect([uid, gid]).toEqual([5, 6]);
  });

  test("a directory without a member of its own is the one that is there, also behind a link", async () => {
    const base = join(store.directory, "usr-merged");
    mkdirSync(join(base, "usr/bin"), { recursive: true });
    mkdirSync(join(base, "tmp"));
    chmodSync(join(base, "tmp"), 0o1777);
    symlinkSync("usr/bin", join(base, "bin"));
    store.adopt("merged", base);
    writeFileSync(join(context, "implied"), rawTar('bin/new "x" 755\ntmp/f "f"\nusr/bin/null char 1:3\n'));
    const changes = { base: { kind: "chain", chain: ["merged"] }, destination: "/" } as const;
    expect(await add(["implied"], changes)).toMatchObject({ ok: {} });
    expect(store.listing(added)).toEqual(expect.arrayContaining(["tmp", "tmp/f", "usr", "usr/bin", "usr/bin/new"]));
    expect(store.listing(added)).not.toContain("bin");
    expect(statSync(join(store.root, "snapshots", added, "fs/tmp")).mode & 0o7777).toBe(0o1777);
  });

  test("copies what is no archive, what is only compressed, and everything where nothing is to be unpacked", async () => {
    writeFileSync(join(context, "text.tar"), "no tar");
    writeFileSync(join(context, "text.gz"), gzipSync("x".repeat(2000)));
    writeFileSync(join(context, "broken.gz"), gzipSync("x".repeat(2000)).subarray(0, 20));
    writeFileSync(join(context, "empty.tar"), Buffer.alloc(10_240));
    const names = ["broken.gz", "empty.tar", "text.gz", "text.tar"];
    expect(await add(names, { intoDirectory: true })).toMatchObject({ ok: {} });
    expect(store.listing(added)).toEqual(["real", "real/x", ...names.map((name) => `real/x/${name}`)]);
    expect(await add(["plain"], { unpack: false, id: `${added}-whole` })).toMatchObject({ ok: {} });
    expect(store.listing(`${added}-whole`)).toEqual(["real", "real/x"]);
  });

  test("archives and files come together", async () => {
    writeFileSync(join(context, "file"), "f");
    expect(await add(["[fgp]*"], { intoDirectory: true })).toMatchObject({ ok: {} });
    expect(store.listing(added)).toContain("real/x/file");
    expect(store.listing(added)).toContain("real/x/d/a");
  });

  test("an archive that is cut, that leads out, or that means a removal is refused", async () => {
    const files = join(store.directory, "files");
    writeFileSync(join(files, "random"), randomBytes(3_000_000));
    runTool("tar", ["--use-compress-program=xz -0", "-cf", join(context, "large"), "-C", files, "random"]);
    const whole = readFileSync(join(context, "large"));
    writeFileSync(join(context, "cut"), whole.subarray(0, 2_000_000));
    expect((await add(["cut"])).error?.code).toBe("LAYER_CORRUPT");
    const bad = join(store.directory, "bad");
    mkdirSync(bad);
    writeFileSync(join(bad, ".wh.x"), "");
    runTool("tar", ["-cf", join(context, "removal"), "-C", bad, ".wh.x"]);
    expect((await add(["removal"])).error?.code).toBe("ADD_ARCHIVE_NAME");
    runTool("tar", ["-cPf", join(context, "out"), "--transform=s,.wh.x,../../x,", "-C", bad, ".wh.x"]);
    expect((await add(["out"])).error?.code).toMatch(/^TAR_/);
    expect(store.has(added)).toBe(false);
  });
});

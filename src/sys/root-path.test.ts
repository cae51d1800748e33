import {
  closeSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { RootDirectory } from "./root-path.ts";

let base: string;
let top: string;
let outside: string;

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "root-path-"));
  top = join(base, "root");
  outside = join(base, "outside");
  mkdirSync(top);
  mkdirSync(outside);
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

function withRoot<T>(body: (root: RootDirectory) => T, links: "follow" | "refuse" = "follow"): T {
  const root = RootDirectory.open(top, { links });
  try {
    return body(root);
  } finally {
    root.close();
  }
}

function write(root: RootDirectory, path: string): void {
  closeSync(openSync(root.atCreating(path), constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW, 0o644));
}

test("makes missing parents and reads back", () => {
  withRoot((root) => {
    write(root, "a/b/c/file");
    write(root, "a/b/d/file");
    write(root, "plain");
    expect(root.lstat("a/b/d/file")?.isFile()).toBe(true);
    expect(root.readdir("a/b")).toEqual(["c", "d"]);
    expect(root.lstat("a/x/y")).toBeUndefined();
    expect(root.lstat("plain/y")).toBeUndefined();
    expect(root.readdir("")).toEqual(["a", "plain"]);
  });
  expect(existsSync(join(top, "a/b/c/file"))).toBe(true);
});

test.each([
  ["absolute link begins at the root", "/run", "run/x"],
  ["relative link", "run", "run/x"],
  ["link above the root stays at it", "../../../../../../run", "run/x"],
  ["link with dots and slashes", ".//./run/./", "run/x"],
])("%s", (_name, target, written) => {
  mkdirSync(join(top, "run"));
  symlinkSync(target, join(top, "link"));
  withRoot((root) => write(root, "link/x"));
  expect(existsSync(join(top, written))).toBe(true);
});

test("a link to an absolute path of the machine leads to the same path in the root", () => {
  symlinkSync(outside, join(top, "link"));
  withRoot((root) => {
    expect(() => root.at("link/x")).toThrow(expect.objectContaining({ code: "ENOENT" }));
    write(root, "link/x");
  });
  expect(readdirSync(outside)).toEqual([]);
  expect(existsSync(join(top, outside, "x"))).toBe(true);
});

test("a relative link is resolved from where it is, through other links", () => {
  mkdirSync(join(top, "usr/lib/deep"), { recursive: true });
  symlinkSync("usr/lib", join(top, "lib"));
  symlinkSync("../../../lib/deep", join(top, "usr/lib/deep/again"));
  symlinkSync("deep/..", join(top, "usr/lib/up"));
  withRoot((root) => {
    write(root, "lib/deep/again/one");
    write(root, "lib/up/two");
  });
  expect(readdirSync(join(top, "usr/lib/deep")).sort()).toEqual(["again", "one"]);
  expect(readdirSync(join(top, "usr/lib")).sort()).toEqual(["deep", "two", "up"]);
});

test("the last component is the link itself", () => {
  symlinkSync("/etc/passwd", join(top, "link"));
  withRoot((root) => {
    expect(root.lstat("link")?.isSymbolicLink()).toBe(true);
    expect(root.readlink("link")).toBe("/etc/passwd");
    expect(root.readlink("nothing")).toBeUndefined();
    expect(root.readlink("")).toBeUndefined();
    expect(() => root.directory("link")).toThrow(expect.objectContaining({ code: "ENOENT" }));
  });
});

test("links may be refused", () => {
  mkdirSync(join(top, "run"));
  symlinkSync("run", join(top, "link"));
  withRoot((root) => {
    expect(() => root.at("link/x")).toThrow(expect.objectContaining({ code: "ENOTDIR" }));
    expect(root.lstat("link/x")).toBeUndefined();
    expect(root.lstat("link")?.isSymbolicLink()).toBe(true);
  }, "refuse");
});

test.each(["a/../b", "..", "/a", "a//b", "a/", ".", "./a", "", "a\0b", "x/a\0b/c"])(
  "refuses the unclean path %j",
  (path) => {
    withRoot((root) => expect(() => root.atCreating(path)).toThrow(expect.objectContaining({ code: "PATH_UNCLEAN" })));
  },
);

test("follows 255 links and no more", () => {
  mkdirSync(join(top, "end"));
  symlinkSync("end", join(top, "link1"));
  for (let i = 2; i <= 256; i++) symlinkSync(`link${i - 1}`, join(top, `link${i}`));
  withRoot((root) => {
    expect(root.at("link255/x")).toMatch(/\/x$/);
    expect(() => root.at("link256/x")).toThrow(expect.objectContaining({ code: "ELOOP" }));
  });
});

test("CVE-2026-44740: loops end", () => {
  symlinkSync("b", join(top, "a"));
  symlinkSync("a", join(top, "b"));
  symlinkSync("self/self/self", join(top, "self"));
  mkdirSync(join(top, "d"));
  symlinkSync(`${"d/../".repeat(600)}many`, join(top, "many"));
  withRoot((root) => {
    for (const path of ["a/x", "self/x", "many/x"]) {
      expect(() => root.at(path)).toThrow(expect.objectContaining({ code: "ELOOP" }));
    }
  });
});

test("few links that ask for many directories end", () => {
  mkdirSync(join(top, "d"));
  mkdirSync(join(top, "end"));
  for (let i = 0; i < 50; i++)
    symlinkSync(`${"d/../".repeat(800)}${i === 0 ? "end" : `l${i - 1}`}`, join(top, `l${i}`));
  withRoot((root) => {
    expect(root.at("l5/x")).toMatch(/\/x$/);
    expect(() => root.at("l49/x")).toThrow(expect.objectContaining({ code: "ELOOP" }));
  });
});

test.skipIf(process.getuid?.() !== 0)("where there is no /proc nothing is opened", () => {
  const program = `
    import { RootDirectory } from ${JSON.stringify(new URL("root-path.ts", import.meta.url).href)};
    try { RootDirectory.open("/") } catch (error) { console.log(error.code) }`;
  const script = 'mount -t tmpfs none /proc && exec "$@"';
  const node = [process.execPath, "--input-type=module-typescript", "-e", program];
  const { stdout, stderr } = spawnSync("unshare", ["-m", "sh", "-c", script, "sh", ...node], { encoding: "utf8" });
  expect([stderr, stdout]).toEqual(["", "PATH_NO_PROC\n"]);
});

test("goes deeper than it keeps directories open, and back", () => {
  const deep = Array.from({ length: 300 }, (_, i) => `d${i}`).join("/");
  withRoot((root) => {
    write(root, `${deep}/file`);
    symlinkSync("../../../d297/../d297/./", root.at(`${deep}/up`));
    const before = readdirSync("/proc/self/fd").length;
    write(root, `${deep}/other`);
    expect(root.lstat(`${deep}/file`)?.isFile()).toBe(true);
    expect(() => write(root, `${deep}/up/x`)).not.toThrow();
    expect(readdirSync("/proc/self/fd").length).toBeLessThanOrEqual(before + 1);
    expect(root.lstat(`${deep.replace(/\/d298.*/, "")}/x`)?.isFile()).toBe(true);
    expect(root.remove("d0")).toBe(true);
  });
  expect(readdirSync(top)).toEqual([]);
});

test("a path longer than the kernel takes is refused by name", () => {
  withRoot((root) =>
    expect(() => root.at(`${"a/".repeat(3000)}x`)).toThrow(expect.objectContaining({ code: "ENAMETOOLONG" })),
  );
});

test("names are bytes", () => {
  const name = "caf\xe9/\xff\xfe";
  withRoot((root) => {
    write(root, name);
    expect(root.readdir("caf\xe9")).toEqual(["\xff\xfe"]);
    expect(root.lstat(name)?.isFile()).toBe(true);
    symlinkSync(Buffer.from("\xe9", "latin1"), root.at("caf\xe9/link"));
    expect(root.readlink("caf\xe9/link")).toBe("\xe9");
  });
  expect(readdirSync(top, { encoding: "latin1" })).toEqual(["caf\xe9"]);
});

test("parents are made by the caller where it says how", () => {
  symlinkSync("real", join(top, "link"));
  const made: string[] = [];
  withRoot((root) => {
    root.atCreating("link/a/b/file", (place, path) => {
      made.push(path);
      mkdirSync(place, 0o700);
    });
  });
  expect(made).toEqual(["real", "real/a", "real/a/b"]);
  expect(lstatSync(join(top, "real/a/b")).mode & 0o777).toBe(0o700);
});

test("remove takes trees, never what a link points to, and forgets them", () => {
  writeFileSync(join(outside, "keep"), "");
  withRoot((root) => {
    write(root, "a/b/c");
    symlinkSync(outside, root.at("a/b/out"));
    expect(root.remove("a/b")).toBe(true);
    expect(root.remove("a/b")).toBe(false);
    expect(root.remove("no/such")).toBe(false);
    symlinkSync("../other", root.at("a/b"));
    write(root, "a/b/x");
  });
  expect(existsSync(join(top, "other/x"))).toBe(true);
  expect(readFileSync(join(outside, "keep"), "utf8")).toBe("");
});

test("a replaced directory is seen after forget", () => {
  withRoot((root) => {
    write(root, "a/x");
    renameSync(join(top, "a"), join(top, "b"));
    mkdirSync(join(top, "a"));
    root.forget();
    write(root, "a/y");
  });
  expect(readdirSync(join(top, "a"))).toEqual(["y"]);
});

test("no descriptor stays open", () => {
  const before = readdirSync("/proc/self/fd").length;
  withRoot((root) => {
    for (let i = 0; i < 50; i++) write(root, `a${i % 7}/b${i % 3}/${"c/".repeat(i)}file`);
  });
  expect(readdirSync("/proc/self/fd").length).toBe(before);
});

const name = fc.constantFrom("a", "b", "c", "..", ".", "", "e");

test("arbitrary trees of links never lead out", () => {
  const link = fc.record({
    at: fc.constantFrom("a", "b", "c", "e/a", "e/b"),
    target: fc.array(name, { minLength: 1, maxLength: 6 }),
    absolute: fc.boolean(),
  });
  const path = fc.array(fc.constantFrom("a", "b", "c", "e", "f"), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(fc.array(link, { maxLength: 6 }), fc.array(path, { minLength: 1, maxLength: 6 }), (links, paths) => {
      rmSync(top, { recursive: true });
      mkdirSync(join(top, "e"), { recursive: true });
      for (const { at, target, absolute } of links) {
        const text = (absolute ? "/" : "") + target.join("/");
        if (text !== "" && !existsSync(join(top, at))) {
          rmSync(join(top, at), { force: true });
          symlinkSync(text, join(top, at));
        }
      }
      withRoot((root) => {
        for (const parts of paths) {
          try {
            write(root, parts.join("/"));
          } catch (error) {
            expect(["ELOOP", "ENOTDIR", "EISDIR", "ENOENT"]).toContain((error as { code: string }).code);
          }
        }
      });
      expect(readdirSync(base).sort()).toEqual(["outside", "root"]);
    }),
    { numRuns: 200 },
  );
  expect(readdirSync(outside)).toEqual([]);
});

/** Turns `d` from a directory into a link out of the root and back, as fast as it can. */
const RACER = `
  const { renameSync, symlinkSync, unlinkSync } = require("node:fs");
  const [d, outside] = process.argv.slice(1);
  process.stdout.write("ready");
  for (;;) {
    renameSync(d, d + ".aside"); symlinkSync(outside, d);
    unlinkSync(d); renameSync(d + ".aside", d);
  }`;

test("CVE-2025-47290: a directory that becomes a link to the outside meanwhile is not followed out", async () => {
  mkdirSync(join(top, "d/sub"), { recursive: true });
  mkdirSync(join(outside, "sub"));
  const racer = spawn(process.execPath, ["-e", RACER, join(top, "d"), outside], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  let written = 0;
  try {
    await once(racer.stdout, "data");
    const end = Date.now() + 1000;
    withRoot((root) => {
      for (let i = 0; Date.now() < end; i++) {
        root.forget();
        try {
          closeSync(
            openSync(root.at(`d/sub/f${i % 50}`), constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW),
          );
          written++;
        } catch (error) {
          expect(["ENOENT", "ENOTDIR"]).toContain((error as { code: string }).code);
        }
      }
    });
  } finally {
    racer.kill("SIGKILL");
    await once(racer, "exit");
  }
  expect(written).toBeGreaterThan(0);
  expect(readdirSync(join(outside, "sub"))).toEqual([]);
});

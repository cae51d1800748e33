import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { removeTree } from "./remove-tree.ts";

const MODULE = JSON.stringify(new URL("remove-tree.ts", import.meta.url).href);
let base: string;

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "remove-tree-"));
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

test("files, links and trees go; what links point to and what is not there do not matter", () => {
  mkdirSync(join(base, "tree/sub/deep"), { recursive: true });
  writeFileSync(join(base, "kept"), "");
  symlinkSync(base, join(base, "tree/sub/link"));
  symlinkSync(join(base, "kept"), join(base, "link"));
  expect(removeTree(join(base, "tree"))).toBe(true);
  expect(removeTree(join(base, "link"))).toBe(true);
  expect(removeTree(join(base, "tree"))).toBe(false);
  expect(removeTree(join(base, "kept/below"))).toBe(false);
  expect(existsSync(join(base, "kept"))).toBe(true);
});

test("CVE-2024-28863: a tree of any depth goes, with the descriptors that a process has", () => {
  const [tree, wrap] = [join(base, "tree"), join(base, "wrap")];
  mkdirSync(tree);
  for (let depth = 0; depth < 400; depth++) {
    mkdirSync(wrap);
    writeFileSync(join(wrap, "file"), "");
    renameSync(tree, join(wrap, "d"));
    renameSync(wrap, tree);
  }
  mkdirSync(join(tree, ".moved-0/x"), { recursive: true });
  writeFileSync(join(tree, ".moved-1"), "");
  const program = `import { removeTree } from ${MODULE}; process.stdout.write(String(removeTree(${JSON.stringify(tree)})));`;
  const argv = [
    "-c",
    'ulimit -n 128; exec "$@"',
    "sh",
    process.execPath,
    "--input-type=module-typescript",
    "-e",
    program,
  ];
  const { stdout, stderr } = spawnSync("sh", argv, { encoding: "utf8" });
  expect(stderr).toBe("");
  expect(stdout).toBe("true");
  expect(existsSync(tree)).toBe(false);
});

test("a user's own directories go though he closed them", () => {
  const tree = join(base, "tree");
  mkdirSync(join(tree, "a/b"), { recursive: true });
  writeFileSync(join(tree, "a/b/file"), "");
  const asRoot = process.getuid?.() === 0;
  if (asRoot) {
    spawnSync("chown", ["-R", "65534:65534", base]);
    chmodSync(base, 0o755);
  }
  for (const [path, mode] of [
    ["a/b", 0o000],
    ["a", 0o500],
    ["", 0o600],
  ] as const)
    chmodSync(join(tree, path), mode);
  const program = `import { removeTree } from ${MODULE}; process.stdout.write(String(removeTree(${JSON.stringify(tree)})));`;
  const node = [process.execPath, "--input-type=module-typescript", "-e", program];
  const [command = "", ...args] = asRoot
    ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", ...node]
    : node;
  const result = spawnSync(command, args, { encoding: "utf8" });
  expect(result.stderr).toBe("");
  expect(result.stdout).toBe("true");
  expect(existsSync(tree)).toBe(false);
});

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";

const SCRIPT = `
  import { readFileSync, renameSync, mkdirSync, writeFileSync } from "node:fs";
  const [at, inside, outside] = process.argv.slice(1);
  const { openKernel } = await import(at + "/kernel.ts");
  const { forbidPrivileges } = await import(at + "/call-filter.ts");
  const { restrictFiles } = await import(at + "/landlock.ts");
  const kernel = openKernel(4096);
  forbidPrivileges(kernel);
  const works = restrictFiles(kernel, [{ path: inside, readOnly: false }, { path: outside + "/ro", readOnly: true }]);
  const attempt = (name, body) => { try { body(); return name; } catch (error) { return name + " " + error.code; } };
  mkdirSync(inside + "/d");
  console.log(JSON.stringify([works,
    attempt("write", () => writeFileSync(inside + "/x", "")),
    attempt("move", () => renameSync(inside + "/x", inside + "/d/x")),
    attempt("outside", () => readFileSync(outside + "/secret")),
    attempt("read-only", () => readFileSync(outside + "/ro")),
    attempt("write read-only", () => writeFileSync(outside + "/ro", "")),
  ]));`;

test("files out of reach are closed, by the kernel", (context) => {
  const [inside, outside] = [0, 1].map(() => mkdtempSync(join(tmpdir(), "manyarch-landlock-"))) as [string, string];
  writeFileSync(join(outside, "secret"), "x");
  writeFileSync(join(outside, "ro"), "x");
  const argv = ["--input-type=module", "-e", SCRIPT, import.meta.dirname, inside, outside];
  const { stdout, stderr } = spawnSync(process.execPath, argv, { encoding: "utf8" });
  for (const directory of [inside, outside]) rmSync(directory, { recursive: true });
  expect(stderr).toBe("");
  const [works, ...found] = JSON.parse(stdout) as [boolean, ...string[]];
  if (!works) context.skip("the kernel has no Landlock");
  expect(found).toEqual(["write", "move", "outside EACCES", "read-only", "write read-only EACCES"]);
});

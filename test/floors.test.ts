import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { findUpwardImports, FLOORS, type SourceFile } from "./floors.ts";

const SRC = fileURLToPath(new URL("../src", import.meta.url));

test("imports point down only", () => {
  expect(findUpwardImports(sources())).toEqual([]);
});

test("every folder of src is a floor", () => {
  const folders = readdirSync(SRC, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect(folders.map((entry) => entry.name).filter((name) => !FLOORS.includes(name))).toEqual([]);
});

test.each([
  ['import { a } from "../engine/types.ts";', "store/x.ts -> engine/types.ts"],
  ['import type { A } from "../engine/types.ts";', "store/x.ts -> engine/types.ts"],
  ['export { a } from "../worker/spawn.ts";', "store/x.ts -> worker/spawn.ts"],
  ['export * from "../cli/app.ts";', "store/x.ts -> cli/app.ts"],
  ['import "../cli/main.ts";', "store/x.ts -> cli/main.ts"],
  ['const a = await import("../report/plain.ts");', "store/x.ts -> report/plain.ts"],
  ['import {\n  a,\n  type B,\n} from "../engine/types.ts";', "store/x.ts -> engine/types.ts"],
  ['type T = import("../engine/types.ts").T;', "store/x.ts -> engine/types.ts"],
])("finds a planted upward import: %s", (text, found) => {
  expect(findUpwardImports([{ path: "store/x.ts", text }])).toEqual([found]);
});

test.each([
  'import { a } from "../base/errors.ts";',
  'import { a } from "./blobs.ts";',
  'import { a } from "node:fs";',
  '// import { a } from "../engine/types.ts";',
  '/**\n * import { a } from "../engine/types.ts";\n */',
])("lets pass: %s", (text) => {
  expect(findUpwardImports([{ path: "store/x.ts", text }])).toEqual([]);
});

test("a folder that is no floor and an import out of src are found too", () => {
  expect(findUpwardImports([{ path: "misc/x.ts", text: 'import { a } from "../base/errors.ts";' }])).toEqual([
    "misc/x.ts -> base/errors.ts",
  ]);
  expect(findUpwardImports([{ path: "store/x.ts", text: 'import { a } from "../../test/bed/bed.ts";' }])).toEqual([
    "store/x.ts -> ../test/bed/bed.ts",
  ]);
});

function sources(): readonly SourceFile[] {
  return readdirSync(SRC, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ path: relative(SRC, path), text: readFileSync(path, "utf8") }));
}

import { posix } from "node:path";

/** The folders of src from top to bottom. An import may point down or sideways within one folder, never up. */
export const FLOORS: readonly string[] = [
  "cli",
  "report",
  "ci",
  "build",
  "golang",
  "buildkit",
  "frontend",
  "plan",
  "engine",
  "worker",
  "sandbox",
  "snapshot",
  "verify",
  "output",
  "registry",
  "layer",
  "store",
  "oci",
  "sys",
  "base",
];

export interface SourceFile {
  /** Relative to src, with slashes. */
  readonly path: string;
  readonly text: string;
}

/** `from -> to` for every import that points up, leaves src, or starts in a folder that is no floor. */
export function findUpwardImports(files: readonly SourceFile[]): readonly string[] {
  return files.flatMap(({ path, text }) =>
    importsOf(text)
      .filter((specifier) => specifier.startsWith("."))
      .map((specifier) => posix.join(posix.dirname(path), specifier))
      .filter((target) => !pointsDown(floorOf(path), floorOf(target)))
      .map((target) => `${path} -> ${target}`),
  );
}

function pointsDown(from: number, to: number): boolean {
  return from >= 0 && to >= from;
}

function floorOf(path: string): number {
  return FLOORS.indexOf(path.split("/")[0] ?? "");
}

// The TypeScript in use has no parser to call. Specifiers are string literals after from, import or import(.
const COMMENT = /\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm;
const SPECIFIER = /(?:\bfrom\s*|\bimport\s*|\bimport\s*\(\s*)["']([^"'\n]+)["']/g;

function importsOf(text: string): readonly string[] {
  return [...text.replace(COMMENT, "").matchAll(SPECIFIER)].map((match) => match[1] ?? "");
}

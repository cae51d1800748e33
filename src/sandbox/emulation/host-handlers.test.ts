import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ELF_ARCHITECTURES, elfArchitecture } from "./architectures.ts";
import { hostHandler, matches, parsePattern } from "./host-handlers.ts";
import { probeProgram } from "./probe-program.ts";
import { elfPattern, elfStart, registration } from "./registration.ts";

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "binfmt-"));
  writeFileSync(join(directory, "status"), "enabled\n");
  writeFileSync(join(directory, "register"), "");
});
afterEach(() => rmSync(directory, { recursive: true }));

const AARCH64 = [
  "flags: POCF",
  "offset 0",
  "magic 7f454c460201010000000000000000000200b700",
  "mask ffffffffffffff00fffffffffffffffffeffffff",
];

function entry(name: string, state: string, interpreter: string, rest = AARCH64): void {
  writeFileSync(join(directory, name), [state, `interpreter ${interpreter}`, ...rest, ""].join("\n"));
}

const arm64 = elfArchitecture("arm64")!;

test("a handler counts by the files it takes, not by its name or its interpreter's", () => {
  entry("rosetta", "enabled", "/run/rosetta/rosetta");
  expect(hostHandler(arm64, directory)).toEqual({
    name: "rosetta",
    interpreter: "/run/rosetta/rosetta",
    flags: "POCF",
  });
  expect(hostHandler(elfArchitecture("riscv64")!, directory)).toBeUndefined();
});

test("a handler of that name for other files is none", () => {
  entry("qemu-riscv64", "enabled", "/usr/bin/qemu-riscv64-static");
  expect(hostHandler(elfArchitecture("riscv64")!, directory)).toBeUndefined();
});

test("what is disabled is none, one by one or all together", () => {
  entry("qemu-aarch64", "disabled", "/usr/bin/qemu-aarch64-static");
  expect(hostHandler(arm64, directory)).toBeUndefined();
  entry("qemu-aarch64", "enabled", "/usr/bin/qemu-aarch64-static");
  expect(hostHandler(arm64, directory)?.name).toBe("qemu-aarch64");
  writeFileSync(join(directory, "status"), "disabled\n");
  expect(hostHandler(arm64, directory)).toBeUndefined();
});

test("handlers by the extension of a name, directories and rubbish are passed over", () => {
  entry("wine", "enabled", "/usr/bin/wine", ["flags: ", "extension .exe"]);
  writeFileSync(join(directory, "odd"), "enabled\nmagic xyz\n");
  mkdirSync(join(directory, "below"));
  expect(hostHandler(arm64, directory)).toBeUndefined();
  expect(hostHandler(arm64, join(directory, "not-mounted"))).toBeUndefined();
});

test("each architecture's pattern takes its own programs, static or not, and nobody else's", () => {
  for (const one of ELF_ARCHITECTURES) {
    for (const other of ELF_ARCHITECTURES) {
      const isSame = one === other;
      expect(matches(elfPattern(one), elfStart(other)), `${one.name} ${other.name}`).toBe(isSame);
      expect(matches(elfPattern(one), elfStart(other, "dyn"))).toBe(isSame);
      expect(matches(elfPattern(one), probeProgram(other))).toBe(isSame);
    }
  }
});

test("a registration names a path with any of its delimiters but all of them", () => {
  const line = registration(arm64, { path: "/opt/a:b|c/qemu", keepsName: false });
  const fields = line.split(line[0]!);
  expect(fields.slice(1, 4)).toEqual(["manyarch-arm64", "M", "0"]);
  expect(fields.slice(6)).toEqual(["/opt/a:b|c/qemu", "CF"]);
});

test("any text of an entry is read without a fault, and a pattern never reads past its file", () => {
  fc.assert(
    fc.property(
      fc.string(),
      fc.nat(300),
      fc.uint8Array({ maxLength: 40 }),
      fc.uint8Array({ maxLength: 40 }),
      (text, offset, magic, start) => {
        parsePattern(`enabled\n${text}`);
        const isTaken = matches({ offset, magic, mask: Buffer.alloc(magic.length, 0xff) }, start);
        expect(isTaken).toBe(
          Buffer.from(start)
            .subarray(offset, offset + magic.length)
            .equals(magic) && offset + magic.length <= start.length,
        );
      },
    ),
  );
});

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { hostPlatform } from "../../oci/platform.ts";
import { ELF_ARCHITECTURES } from "./architectures.ts";
import { findEmulation } from "./find-emulation.ts";
import type { EmulationOptions } from "./find-emulation.ts";
import { isMachineKnown } from "../../sys/trace/machines/own-machine.ts";

const PATH = "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const machine = hostPlatform().architecture;
const foreign = ELF_ARCHITECTURES.map(({ name }) => name).filter(
  (name) => !["amd64", "386", "arm64", "arm"].includes(name),
);
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "emulation-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

function find(names: readonly string[], more: Pick<EmulationOptions, "kernel" | "tracer"> = {}) {
  const signal = new AbortController().signal;
  return findEmulation(names, { machine, path: PATH, directory: join(directory, "probe"), signal, ...more });
}

test("every architecture that images come in runs in some way", async () => {
  const found = await find(foreign);
  for (const name of foreign) expect(found.get(name)?.kind, name).toMatch(/host|own|proot/);
});

test("the machine's own programs need nothing, and an unknown architecture says so", async () => {
  const found = await find([machine, "pdp11"]);
  expect(found.get(machine)).toEqual({ kind: "native" });
  expect(found.get("pdp11")).toEqual({ kind: "none", reasons: ["no emulator is known for it"] });
});

test.runIf(isMachineKnown())("below a tracer it is the tracer that starts it, whatever the kernel can", async () => {
  const found = await find(foreign, { kernel: "none" });
  for (const name of foreign) expect(found.get(name)).toMatchObject({ kind: "proot", qemu: { architecture: name } });
});

test("where neither kernel nor tracer may be used there is a reason for each", async () => {
  const found = await find(["s390x"], { kernel: "none", tracer: false });
  expect(found.get("s390x")).toEqual({
    kind: "none",
    reasons: [expect.stringMatching(/ruled out by --sandbox|no qemu-s390x/)],
  });
});

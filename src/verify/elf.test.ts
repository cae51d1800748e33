import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { hostPlatform } from "../oci/platform.ts";
import { ELF_START_BYTES, elfArchitecture, isDeviceCode, readElfIdentity } from "./elf.ts";
import { ELF_MACHINES } from "./elf-machines.ts";

/** The first bytes of an ELF file. */
function start({ bits = 64, bigEndian = false, type = 2, machine = 62 } = {}): Uint8Array {
  const bytes = Buffer.alloc(ELF_START_BYTES);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, bits / 32, bigEndian ? 2 : 1, 1]);
  const put = (at: number, value: number): void => {
    if (bigEndian) bytes.writeUInt16BE(value, at);
    else bytes.writeUInt16LE(value, at);
  };
  put(16, type);
  put(18, machine);
  return bytes;
}

test("the program that runs this is one of this machine", () => {
  const identity = readElfIdentity(readFileSync(process.execPath));
  expect(identity && elfArchitecture(identity)).toBe(hostPlatform().architecture);
});

test("every architecture is told from every other", () => {
  for (const machine of ELF_MACHINES) {
    const identity = readElfIdentity(start(machine));
    expect(identity).toEqual({ bits: machine.bits, bigEndian: machine.bigEndian, type: 2, machine: machine.machine });
    expect(identity && elfArchitecture(identity)).toBe(machine.name);
  }
});

test("x32 is not amd64, and code of devices is known for what it is", () => {
  expect(elfArchitecture(readElfIdentity(start({ bits: 32 }))!)).toBeUndefined();
  expect(isDeviceCode(readElfIdentity(start({ machine: 247, type: 1 }))!)).toBe(true);
  expect(isDeviceCode(readElfIdentity(start())!)).toBe(false);
});

test("scripts, text and what is cut off are none", () => {
  for (const text of ["", "\x7fELF", "#!/bin/sh\nexec true # padding", "\x7fELF\x03\x01 and more than enough"])
    expect(readElfIdentity(Buffer.from(text, "latin1"))).toBeUndefined();
});

test("any bytes are read without a fault, and the answer follows from the first twenty alone", () => {
  const header = fc.constantFrom(...ELF_MACHINES).map(start);
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 64 }),
    header.map((head) => Uint8Array.from(head)),
  );
  fc.assert(
    fc.property(bytes, fc.nat(64), fc.uint8Array({ maxLength: 32 }), (head, cut, tail) => {
      const whole = Buffer.concat([head, tail]);
      expect(readElfIdentity(whole)).toEqual(readElfIdentity(whole.subarray(0, Math.max(ELF_START_BYTES, cut))));
      expect(readElfIdentity(whole.subarray(0, Math.min(cut, ELF_START_BYTES - 1)))).toBeUndefined();
    }),
  );
});

import fc from "fast-check";
import { expect, test } from "vitest";
import { readAccessList } from "./access-list.ts";

const [OWNER, USER, GROUP, MASK, OTHERS] = [1, 2, 4, 0x10, 0x20];

function list(...entries: readonly (readonly [tag: number, rights: number])[]): Buffer {
  const value = Buffer.alloc(4 + 8 * entries.length);
  value.writeUInt32LE(2, 0);
  for (const [index, [tag, rights]] of entries.entries()) {
    value.writeUInt16LE(tag, 4 + 8 * index);
    value.writeUInt16LE(rights, 6 + 8 * index);
  }
  return value;
}

test("a list of three is a mode", () => {
  const rights = fc.nat(7);
  fc.assert(
    fc.property(rights, rights, rights, (owner, group, others) => {
      const value = list([OWNER, owner], [GROUP, group], [OTHERS, others]);
      expect(readAccessList(value)).toEqual({ bits: (owner << 6) | (group << 3) | others, isAll: true });
    }),
  );
});

test("the mask of a longer one stands for the group", () => {
  const value = list([OWNER, 6], [USER, 7], [GROUP, 4], [MASK, 5], [OTHERS, 0]);
  expect(readAccessList(value)).toEqual({ bits: 0o650, isAll: false });
});

test("anything else is left to the kernel", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      const read = readAccessList(Buffer.from(bytes));
      expect(read === undefined || (bytes[0] === 2 && bytes.length >= 28)).toBe(true);
    }),
  );
  expect(readAccessList(list([OWNER, 7], [GROUP, 7]))).toBeUndefined();
});

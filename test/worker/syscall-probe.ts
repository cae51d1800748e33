/**
 * A static program for amd64 that makes one system call and exits with its errno, 0 where it succeeded:
 * no compiler and no libraries, so that what answers is the kernel.
 */
export function syscallProbe(number: number, ...parameters: readonly number[]): Buffer {
  const [first = 0, second = 0, third = 0] = parameters;
  const code = Buffer.from([
    ...moveTo(0xb8, number), // eax
    ...moveTo(0xbf, first), // edi
    ...moveTo(0xbe, second), // esi
    ...moveTo(0xba, third), // edx
    ...[0x0f, 0x05], // syscall
    ...[0x31, 0xff], // xor edi, edi
    ...[0x48, 0x85, 0xc0], // test rax, rax
    ...[0x79, 0x04], // jns over
    ...[0x89, 0xc7], // mov edi, eax
    ...[0xf7, 0xdf], // neg edi
    ...moveTo(0xb8, 231), // exit_group
    ...[0x0f, 0x05],
  ]);
  return Buffer.concat([header(code.length), code]);
}

function moveTo(opcode: number, value: number): readonly number[] {
  const bytes = Buffer.alloc(5);
  bytes.writeUInt8(opcode);
  bytes.writeUInt32LE(value >>> 0, 1);
  return [...bytes];
}

const BASE = 0x400000;
const HEADER_BYTES = 64 + 56;

/** An ELF header and one segment with everything in it. */
function header(codeBytes: number): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  bytes.write("\x7fELF\x02\x01\x01", "latin1");
  bytes.writeUInt16LE(2, 16); // executable
  bytes.writeUInt16LE(62, 18); // x86-64
  bytes.writeUInt32LE(1, 20);
  bytes.writeBigUInt64LE(BigInt(BASE + HEADER_BYTES), 24); // entry
  bytes.writeBigUInt64LE(64n, 32); // program headers
  bytes.writeUInt16LE(64, 52);
  bytes.writeUInt16LE(56, 54);
  bytes.writeUInt16LE(1, 56);
  bytes.writeUInt32LE(1, 64); // load
  bytes.writeUInt32LE(5, 68); // read, execute
  bytes.writeBigUInt64LE(BigInt(BASE), 80);
  bytes.writeBigUInt64LE(BigInt(BASE), 88);
  bytes.writeBigUInt64LE(BigInt(HEADER_BYTES + codeBytes), 96);
  bytes.writeBigUInt64LE(BigInt(HEADER_BYTES + codeBytes), 104);
  bytes.writeBigUInt64LE(0x1000n, 112);
  return bytes;
}

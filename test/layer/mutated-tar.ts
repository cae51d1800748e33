import fc from "fast-check";

const BLOCK = 512;

/** Where the fields of a header are, and how long. */
const FIELDS: readonly (readonly [start: number, length: number])[] = [
  [0, 100],
  [100, 8],
  [108, 8],
  [116, 8],
  [124, 12],
  [136, 12],
  [148, 8],
  [156, 1],
  [157, 100],
  [257, 8],
  [329, 8],
  [337, 8],
  [345, 12],
  [357, 12],
  [345, 155],
  [508, 4],
];

const TYPES = "01234567gxLKSZ\0";

/** A change of one archive, in place or to a new one. */
type Mutation = (tar: Buffer) => Buffer;

/** Archives that are almost right: some blocks of valid ones changed, with the checksum made good again. */
export function mutatedTar(seeds: readonly Uint8Array[]): fc.Arbitrary<Buffer> {
  return fc
    .tuple(fc.constantFrom(...seeds), fc.array(mutation(), { minLength: 1, maxLength: 4 }))
    .map(([seed, mutations]) => mutations.reduce<Buffer>((tar, mutate) => mutate(tar), Buffer.from(seed)));
}

function mutation(): fc.Arbitrary<Mutation> {
  return fc.oneof(
    { weight: 6, arbitrary: fieldMutation() },
    { weight: 3, arbitrary: typeMutation() },
    { weight: 2, arbitrary: paxMutation() },
    {
      weight: 1,
      arbitrary: fc.nat().map(
        (at): Mutation =>
          (tar) =>
            Buffer.from(tar.subarray(0, at % (tar.length + 1))),
      ),
    },
    {
      weight: 1,
      arbitrary: fc.tuple(fc.nat(), fc.nat()).map(
        ([from, to]): Mutation =>
          (tar) =>
            moveBlock(tar, from, to),
      ),
    },
    {
      weight: 1,
      arbitrary: fc.tuple(fc.nat(), fc.nat(255)).map(
        ([at, byte]): Mutation =>
          (tar) =>
            setByte(tar, at, byte),
      ),
    },
  );
}

function fieldMutation(): fc.Arbitrary<Mutation> {
  const value = fc.oneof(
    fc.nat(0o7777777).map((number) => Buffer.from(`${number.toString(8)}\0`)),
    fc
      .constantFrom(
        "",
        " ",
        "0",
        " 12 ",
        "12 34",
        "1\x002",
        "8",
        "-1",
        "77777777777",
        "ustar\x0000",
        "ustar  \0",
        "tar\0",
        "../x",
        "a/",
      )
      .map((text) => Buffer.from(text, "latin1")),
    fc.uint8Array({ minLength: 1, maxLength: 12 }).map((bytes) => Buffer.from(bytes)),
    fc
      .tuple(fc.constantFrom(0x80, 0xff, 0xc0, 0xbf), fc.uint8Array({ minLength: 7, maxLength: 11 }))
      .map(([first, rest]) => Buffer.from([first, ...rest])),
    fc.nat(5000).map((small) => Buffer.from([0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, small >> 8, small & 255])),
  );
  return fc.tuple(fc.nat(), fc.constantFrom(...FIELDS), value).map(
    ([pick, [start, length], bytes]): Mutation =>
      (tar) =>
        changeHeader(tar, pick, (header) => {
          header.fill(0, start, start + length);
          bytes.copy(header, start, 0, length);
        }),
  );
}

function typeMutation(): fc.Arbitrary<Mutation> {
  return fc.tuple(fc.nat(), fc.constantFrom(...TYPES)).map(
    ([pick, type]): Mutation =>
      (tar) =>
        changeHeader(tar, pick, (header) => {
          header[156] = type.charCodeAt(0);
        }),
  );
}

/** Puts an extended header before some other one. */
function paxMutation(): fc.Arbitrary<Mutation> {
  const key = fc.constantFrom(
    "path",
    "linkpath",
    "size",
    "uid",
    "gid",
    "mtime",
    "atime",
    "SCHILY.xattr.user.x",
    "GNU.sparse.major",
    "x=",
    "",
  );
  const value = fc.oneof(
    fc.constantFrom(
      "",
      "1",
      "0",
      "-1",
      "+5",
      "007",
      "1.5",
      "-0.25",
      "1.",
      ".5",
      "1e3",
      "9223372036854775808",
      "../up",
      "dir/",
      "nul\0nul",
      "new\nline",
    ),
    fc.nat(3000).map(String),
  );
  const records = fc.array(fc.tuple(key, value), { minLength: 1, maxLength: 3 });
  return fc
    .tuple(fc.nat(), fc.constantFrom("x", "g", "L", "K"), records, fc.constantFrom(0, 0, 0, 0, 1, -1))
    .map(([pick, type, pairs, skew]): Mutation => (tar) => {
      const text =
        type === "L" || type === "K"
          ? pairs.map(([, name]) => name).join("")
          : pairs.map((pair) => record(pair, skew)).join("");
      const body = Buffer.from(text, "latin1");
      const header = Buffer.alloc(BLOCK);
      header.write("ext", 0);
      header.write(`${body.length.toString(8).padStart(11, "0")}\0`, 124);
      header.write(type, 156);
      header.write("ustar\x0000", 257);
      seal(header);
      const at = (pick % (Math.floor(tar.length / BLOCK) + 1)) * BLOCK;
      const padding = Buffer.alloc((BLOCK - (body.length % BLOCK)) % BLOCK);
      return Buffer.concat([tar.subarray(0, at), header, body, padding, tar.subarray(at)]);
    });
}

function record([key, value]: readonly [string, string], skew: number): string {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length++;
  return `${length + skew}${rest}`;
}

function changeHeader(tar: Buffer, pick: number, change: (header: Buffer) => void): Buffer {
  const headers: number[] = [];
  for (let at = 0; at + BLOCK <= tar.length; at += BLOCK) {
    if (tar.toString("latin1", at + 257, at + 262) === "ustar" || at === 0) headers.push(at);
  }
  const at = headers[pick % Math.max(1, headers.length)];
  if (at === undefined) return tar;
  const header = tar.subarray(at, at + BLOCK);
  change(header);
  seal(header);
  return tar;
}

function seal(header: Buffer): void {
  header.fill(0x20, 148, 156);
  let sum = 0;
  for (const byte of header) sum += byte;
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
}

function moveBlock(tar: Buffer, from: number, to: number): Buffer {
  const count = Math.floor(tar.length / BLOCK);
  if (count === 0) return tar;
  const source = (from % count) * BLOCK;
  const at = (to % count) * BLOCK;
  return Buffer.concat([tar.subarray(0, at), tar.subarray(source, source + BLOCK), tar.subarray(at)]);
}

function setByte(tar: Buffer, at: number, byte: number): Buffer {
  if (tar.length > 0) tar[at % tar.length] = byte;
  return tar;
}

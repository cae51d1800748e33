import { afterAll, beforeAll, expect, test } from "vitest";
import { startBed, type Bed } from "./bed/bed.ts";
import { runsAsRoot } from "./bed/user.ts";
import { build, MACHINE } from "./support/build-log.ts";
import { newContext } from "./support/context.ts";
import { configOf, Rootfs } from "./support/image.ts";

/**
 * Equal inputs and SOURCE_DATE_EPOCH give equal digests, whoever builds, where, when and how many
 * steps at a time. Every build here has a store of its own.
 */
const EPOCH = "1700000000";
const EPOCH_TEXT = "2023-11-14 22:13:20";
const FILES = {
  Dockerfile: `FROM busybox AS one
WORKDIR /work
RUN mkdir -p deep/er && date > /dev/null && echo x > deep/er/file && touch -d @1500000000 old && ln old hard && ln -s old soft
RUN mkdir -m 1777 /shared && echo y > /shared/y && chown 12:34 /shared/y && chmod 4711 /shared/y && mkfifo /shared/fifo
FROM busybox AS two
COPY --chmod=644 . /copied
RUN rm /etc/shadow && rm -r /home && mkdir /home && echo z > /home/z
FROM two
COPY --from=one /work /work
COPY --from=one /shared /shared
LABEL a=b
`,
  ".dockerignore": "Dockerfile\n",
  "b.txt": "b",
  "a/c.txt": "c",
  Z: "upper case sorts first",
  link: { link: "a/c.txt" },
} as const;

let bed: Bed;
let root: Bed | undefined;
let expected: string;
let count = 0;
beforeAll(async () => {
  bed = await startBed();
  if (runsAsRoot) root = await startBed({ user: "current" });
  expected = await digestOn(bed, ["--push", "-t", `${bed.target.host}/determinism:1`]);
}, 300_000);
afterAll(async () => {
  await bed[Symbol.asyncDispose]();
  await root?.[Symbol.asyncDispose]();
});

/** Builds in a new directory on an empty store. */
async function digestOn(
  on: Bed,
  flags: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const store = on.newDirectory(`cold-store-${count++}`);
  const context = newContext(on, FILES);
  const done = await build(on, [...flags, context], {
    env: { SOURCE_DATE_EPOCH: EPOCH, MANYARCH_ROOT: store, ...env },
  });
  expect(done.closing.cached).toBe(0);
  return done.digest;
}

test("no time of the build is in the image: everything later is the epoch, everything earlier stays", async () => {
  using image = await Rootfs.of(bed.target, "determinism:1", MACHINE);
  const { files } = image;
  expect(files["work/deep/er/file"]?.time).toBe(EPOCH_TEXT);
  expect(files["work/old"]?.time).toBe("2017-07-14 02:40:00");
  expect(files["copied/b.txt"]?.time).toBe(EPOCH_TEXT);
  expect(files["home/z"]?.time).toBe(EPOCH_TEXT);
  const { created, history } = await configOf(bed.target, "determinism:1", MACHINE);
  const iso = "2023-11-14T22:13:20.000Z";
  expect(created).toBe(iso);
  expect(new Set(history.slice(1).map((entry) => entry.created))).toEqual(new Set([iso]));
});

test.each([
  ["one step at a time", ["--jobs=1"], {}],
  ["four at a time", ["--jobs=4"], {}],
  ["in another time zone and language", [], { TZ: "Pacific/Kiritimati", LC_ALL: "C" }],
  ["the epoch as a build argument", [`--build-arg=SOURCE_DATE_EPOCH=${EPOCH}`], { SOURCE_DATE_EPOCH: "1" }],
] as const)("%s", async (_, flags, env) => {
  expect(await digestOn(bed, flags, env)).toBe(expected);
});

test.skipIf(!runsAsRoot)("by root, without a user namespace", async () => {
  if (root !== undefined) expect(await digestOn(root, [])).toBe(expected);
});

test("with another umask", async () => {
  const before = process.umask(0o077);
  try {
    expect(await digestOn(bed, [])).toBe(expected);
  } finally {
    process.umask(before);
  }
});

test("on a store that knows all of it, or half", async () => {
  const store = bed.newDirectory("warm-store");
  const env = { SOURCE_DATE_EPOCH: EPOCH, MANYARCH_ROOT: store };
  const context = newContext(bed, FILES);
  await build(bed, ["--target=one", context], { env });
  expect((await build(bed, [context], { env })).digest).toBe(expected);
  expect((await build(bed, [context], { env })).digest).toBe(expected);
  expect((await build(bed, ["--no-cache", context], { env })).digest).toBe(expected);
});

test("another epoch gives another image", async () => {
  expect(await digestOn(bed, [], { SOURCE_DATE_EPOCH: "1600000000" })).not.toBe(expected);
});

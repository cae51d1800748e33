import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startBed, type Bed } from "./bed/bed.ts";
import { BuildahPlace } from "./bed/buildah.ts";
import { Buildkitd } from "./bed/buildkitd.ts";
import { CHECKOUT, missingForNamespaces, runsAsRoot, unprivilegedUser } from "./bed/user.ts";
import { buildWithBuildah, buildWithBuildkit, buildWithManyarch, type Outcome } from "./differential/builders.ts";
import { readCases, type Case } from "./differential/case.ts";
import { compareOutcomes, judge, told, type Difference } from "./differential/compare.ts";
import { ERROR_KINDS } from "./differential/error-kinds.ts";
import { EVERYWHERE } from "./differential/everywhere.ts";
import { writeCase } from "./differential/write-case.ts";

/**
 * Every case is built here, by BuildKit and by buildah, and the images and errors are compared.
 * Minutes, and root for the two others: with MANYARCH_TEST_ALL=1 only.
 */
const ALL = process.env["MANYARCH_TEST_ALL"] === "1" && runsAsRoot;
const SKIP = !ALL || missingForNamespaces(unprivilegedUser()) !== undefined;
const CASES = readCases(join(CHECKOUT, "test/differential/cases"));
const AT_ONCE = 2;

let bed: Bed;
let buildkitd: Buildkitd;
let buildah: BuildahPlace;
const since = Math.floor(Date.now() / 1000) - 5;
const seen = new Map<Case, readonly Difference[]>();

test("the cases are many and have names of their own", () => {
  expect(CASES.length).toBeGreaterThanOrEqual(150);
  const names = CASES.map((one) => `${one.group}: ${one.title}`);
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  expect(CASES.filter((one) => one.fails !== undefined && ERROR_KINDS[one.fails] === undefined)).toEqual([]);
});

test("docs/compatibility.md explains exactly the differences that are accepted", () => {
  const page = readFileSync(join(CHECKOUT, "docs/compatibility.md"), "utf8");
  const [, section = ""] = page.split(/^## Differences that tests accept$/m);
  const explained = [...section.matchAll(/^\| `([a-z0-9-]+)` \|/gm)].map(([, id]) => id);
  const accepted = new Set([...EVERYWHERE, ...CASES.flatMap((one) => one.differs)].map(({ id }) => id));
  expect(explained.toSorted()).toEqual([...accepted].toSorted());
});

describe.skipIf(SKIP)("built by manyarch, BuildKit and buildah", () => {
  beforeAll(async () => {
    bed = await startBed();
    buildkitd = await Buildkitd.start(bed.mirror.host);
    buildah = new BuildahPlace(bed.mirror.host);
    for (const name of ["cases", "out"]) bed.newDirectory(name);
  });
  afterAll(async () => {
    buildah[Symbol.dispose]();
    await buildkitd[Symbol.asyncDispose]();
    await bed[Symbol.asyncDispose]();
  });

  const lane = lanes(AT_ONCE);
  describe.concurrent("a case", () => {
    test.each(CASES.map((one, index) => [`${one.group}: ${one.title}`, one, index] as const))(
      "%s",
      { timeout: 1_800_000 },
      async (_, one, index) => {
        const differences = await lane(() => differencesOf(one, index));
        seen.set(one, differences);
        const { unexplained, stale } = judge(one, differences, EVERYWHERE);
        if (unexplained.length > 0) expect.fail(unexplained.map(line).join("\n"));
        expect(stale, "accepted differences that are no more").toEqual([]);
      },
    );
  });

  test("what is accepted everywhere is found somewhere", ({ skip }) => {
    if (seen.size < CASES.length) skip();
    const all = [...seen.values()].flat();
    const unused = EVERYWHERE.filter((rule) => !all.some((found) => rule.peer === found.peer && rule.matches(found)));
    expect(unused.map(({ id, peer }) => `${peer} ${id}`)).toEqual([]);
  });
});

async function differencesOf(one: Case, index: number): Promise<readonly Difference[]> {
  const context = join(bed.directory, "cases", String(index));
  mkdirSync(context);
  writeCase(one, context, bed.user, index);
  const place = (builder: string): { readonly context: string; readonly output: string } => ({
    context,
    output: join(bed.directory, "out", `${index}-${builder}`),
  });
  const manyarch = await buildWithManyarch(bed, one, place("manyarch"));
  const kit = await buildWithBuildkit(buildkitd, one, place("buildkit"));
  const ah = await buildWithBuildah(buildah, one, place("buildah"));
  return [
    ...unexpected(one, manyarch),
    ...(await compareOutcomes(one, "buildkit", manyarch, kit, since)),
    ...(await compareOutcomes(one, "buildah", manyarch, ah, since)),
  ];
}

/** No list excuses that manyarch itself does not do what the case says. */
function unexpected(one: Case, outcome: Outcome): readonly Difference[] {
  const expected = one.fails === undefined ? /^built$/ : ERROR_KINDS[one.fails]?.manyarch;
  if (expected?.test(told(outcome)) === true) return [];
  return [{ peer: "case", key: "result", manyarch: told(outcome), found: one.fails ?? "built" }];
}

function line({ peer, key, manyarch, found }: Difference): string {
  return `${key}: manyarch ${manyarch}, ${peer} ${found}`;
}

/** Runs what it is given, at most `count` at the same time, in the order given. */
function lanes(count: number): <T>(work: () => Promise<T>) => Promise<T> {
  let free = count;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (free === 0) await new Promise<void>((resolve) => waiting.push(resolve));
    else free -= 1;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    }
  };
}

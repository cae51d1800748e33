import { afterAll, beforeAll, expect, test } from "vitest";
import { startBed, type Bed } from "./bed/bed.ts";
import { build } from "./support/build-log.ts";
import { newContext } from "./support/context.ts";

let bed: Bed;
beforeAll(async () => {
  bed = await startBed();
});
afterAll(() => bed[Symbol.asyncDispose]());

// On the one owners are on disk, on the other in attributes.
const RUNGS = ["runtime", "proot"] as const;

function context(extra: string): string {
  const look = "RUN stat -c '%u:%g %a' /owned && echo again";
  return newContext(bed, { Dockerfile: `FROM busybox\nRUN echo x >/owned && chown 33:34 /owned\n${look} ${extra}\n` });
}

test("builds on different rungs use one store, each with snapshots of its own", async () => {
  const said: string[] = [];
  for (const rung of [...RUNGS, ...RUNGS]) {
    const { steps, stderr } = await build(bed, [`--sandbox=${rung}`, context(`${rung} ${Math.random()}`)]);
    expect(steps.at(-1)?.output, stderr).toContain("33:34 644");
    said.push(stderr);
  }
  expect(said.join("")).not.toContain("STORE_SNAPSHOT_MISSING");
  const last = context("once more");
  const { steps, stderr } = await build(bed, ["--sandbox=runtime", last]);
  expect(steps.map(({ verdict }) => verdict)).toEqual(["cached", "cached", "ran"].slice(-steps.length));
  expect(stderr).not.toContain("STORE_SNAPSHOT_MISSING");
});

test("also at the same time", async () => {
  const built = await Promise.all(
    [...RUNGS, ...RUNGS].map((rung) => build(bed, [`--sandbox=${rung}`, context(`at once ${Math.random()}`)])),
  );
  for (const { steps, stderr } of built) expect(steps.at(-1)?.output, stderr).toContain("33:34 644");
  expect(bed.leftovers()).toEqual({ processes: [], mounts: [], files: [] });
});

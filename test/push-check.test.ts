import { afterAll, beforeAll, expect, test } from "vitest";
import { fail, FakeRegistry } from "../src/registry/testing/fake-registry.ts";
import { startBed, type Bed } from "./bed/bed.ts";
import { build, failure } from "./support/build-log.ts";
import { newContext } from "./support/context.ts";

let bed: Bed;
let registry: FakeRegistry;
let context: string;
beforeAll(async () => {
  bed = await startBed();
  registry = await FakeRegistry.start();
  context = newContext(bed, { Dockerfile: "FROM busybox\nRUN sleep 20\nRUN echo never\n" });
});
afterAll(async () => {
  await registry.close();
  await bed[Symbol.asyncDispose]();
});

const UPLOADS = /\/deny\/x\/blobs\/uploads\//;
const name = (): string => `${registry.host}/deny/x:1`;

test("a push that will be denied ends the build when it begins to execute", async () => {
  registry.fault("POST", UPLOADS, ({ response }) => fail(response, 403, "DENIED"));
  const start = performance.now();
  const { code, exitCode, log, error } = await failure(bed, ["--push", "-t", name(), context]);
  expect(code).toBe("REGISTRY_DENIED");
  expect(error).toContain(`${registry.host}/deny/x`);
  expect(exitCode).toBe(6);
  expect(log).not.toContain("echo never");
  expect(performance.now() - start).toBeLessThan(15_000);
});

test("what is at hand is pushed without the question, and --skip-push-permission-check asks never", async () => {
  const files = newContext(bed, { Dockerfile: "FROM scratch\nCOPY Dockerfile /\n" });
  const cancelled = (): number => registry.requests("DELETE").length;
  await build(bed, ["--push", "-t", `${registry.host}/skip/x:1`, "--skip-push-permission-check", files]);
  expect(cancelled()).toBe(0);
  await build(bed, ["--push", "-t", `${registry.host}/known/x:1`, files]);
  expect(cancelled()).toBe(0);
  await build(bed, ["--push", "-t", `${registry.host}/new/x:1`, "--no-cache", files]);
  expect(cancelled()).toBe(1);
});

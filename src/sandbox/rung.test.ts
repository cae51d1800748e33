import { expect, test } from "vitest";
import { allowedRungs } from "./rung.ts";

test.each([
  [{}, ["runtime", "namespace", "chroot", "proot", "none"]],
  [{ lowest: "namespace" }, ["runtime", "namespace"]],
  [{ lowest: "runtime" }, ["runtime"]],
  [{ forced: "chroot" }, ["chroot"]],
  // What is forced is wanted, whatever may be fallen to otherwise.
  [{ forced: "proot", lowest: "runtime" }, ["proot"]],
] as const)("%j allows %j", (choice, names) => {
  expect(allowedRungs(choice)).toEqual(names);
});

import { expect, test } from "vitest";
import { prepareMounts, type MountChains } from "./run-mounts.ts";
import type { StepId, StepMount } from "./types.ts";

type Cache = StepMount & { readonly kind: "cache" };

const FROM = "a" as StepId;
const NOTHING = { secret: () => undefined, agent: () => undefined };
const CACHE: Cache = {
  kind: "cache",
  ...{ id: "/one", named: true, sharing: "shared", target: "/t", readonly: false },
  ...{ source: "/", mode: 0o755, uid: 0, gid: 0 },
};

function nameOf(cache: Cache, identity = "first"): unknown {
  const chains: MountChains = new Map([[FROM, { chain: ["layer"], identity }]]);
  const [mount] = prepareMounts([cache], chains, NOTHING);
  return mount?.kind === "cache" ? mount.name : undefined;
}

test("caches that are owned or begin differently are different ones, whatever their id", () => {
  const begun = { ...CACHE, from: FROM };
  const names = [
    nameOf(CACHE),
    nameOf({ ...CACHE, id: "/two" }),
    nameOf({ ...CACHE, uid: 1 }),
    nameOf({ ...CACHE, gid: 1 }),
    nameOf({ ...CACHE, mode: 0o700 }),
    nameOf(begun),
    nameOf(begun, "again"),
    nameOf({ ...begun, source: "/s" }),
  ];
  expect(new Set(names).size).toBe(names.length);
  expect(nameOf({ ...CACHE, target: "/elsewhere", sharing: "locked", readonly: true })).toBe(nameOf(CACHE));
});

test("a secret or an agent that is not given is left out, or missed where it is required", () => {
  const access = { mode: 0o400, uid: 0, gid: 0 } as const;
  const secret = { kind: "secret", id: "s", target: "/s", required: false, ...access } as const;
  const agent = { kind: "ssh", id: "a", target: "/a", required: false, ...access } as const;
  expect(prepareMounts([secret, agent], new Map(), NOTHING)).toEqual([]);
  const prepare = (mount: StepMount): unknown => prepareMounts([mount], new Map(), NOTHING);
  expect(() => prepare({ ...secret, required: true })).toThrow(expect.objectContaining({ code: "SECRET_MISSING" }));
  expect(() => prepare({ ...agent, required: true })).toThrow(expect.objectContaining({ code: "SSH_MISSING" }));
  const given = { secret: () => Buffer.from("x"), agent: () => "/socket" };
  expect(prepareMounts([secret, agent], new Map(), given)).toMatchObject([{ data: "eA==" }, { agent: "/socket" }]);
});

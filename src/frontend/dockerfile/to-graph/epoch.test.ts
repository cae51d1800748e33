import { expect, test } from "vitest";
import { describeHistory, plan } from "./plan-fixture.ts";
import type { PlanRequest, TimeSource } from "./request.ts";

const at = async (text: string, options: Parameters<typeof plan>[1] = {}): Promise<number | undefined> =>
  (await plan(text, options)).sourceDateEpoch;

test("a build arg counts before a global ARG; empty is none", async () => {
  expect(await at("ARG SOURCE_DATE_EPOCH=5\nFROM a\n")).toBe(5);
  expect(await at("ARG SOURCE_DATE_EPOCH=5\nFROM a\n", { buildArgs: { SOURCE_DATE_EPOCH: "6" } })).toBe(6);
  expect(await at("ARG SOURCE_DATE_EPOCH=5\nFROM a\n", { buildArgs: { SOURCE_DATE_EPOCH: "" } })).toBeUndefined();
  expect(await at("FROM a\nARG SOURCE_DATE_EPOCH=5\n")).toBeUndefined();
});

test("the last second that a config can hold is the last one that is taken", async () => {
  expect(await at("FROM a\n", { buildArgs: { SOURCE_DATE_EPOCH: "253402300799" } })).toBe(253402300799);
  await expect(at("FROM a\n", { buildArgs: { SOURCE_DATE_EPOCH: "253402300800" } })).rejects.toMatchObject({
    code: "DOCKERFILE_EPOCH",
  });
});

test("a directory has no time: context leaves the variable empty", async () => {
  const result = await plan("FROM a\nARG SOURCE_DATE_EPOCH\nRUN x\n", { buildArgs: { SOURCE_DATE_EPOCH: "context" } });
  expect(result.sourceDateEpoch).toBeUndefined();
  expect(describeHistory(result)).toContain("ARG SOURCE_DATE_EPOCH=\n");
});

test("where a source has a time, stages see the number", async () => {
  const asked: TimeSource[] = [];
  const sourceTime = async (source: TimeSource): Promise<number> => asked.push(source) && 77;
  const contexts: PlanRequest["contexts"] = new Map([["src", { kind: "directory", directory: "/src", ignore: [] }]]);
  const stage = "FROM scratch AS Time\nARG V=1\nADD --checksum=sha256:x https://e.test/${V}.tar /\n";
  const results = [
    await plan("FROM a\nARG SOURCE_DATE_EPOCH\n", { buildArgs: { SOURCE_DATE_EPOCH: "context" }, sourceTime }),
    await plan("FROM a\nARG SOURCE_DATE_EPOCH\n", { buildArgs: { SOURCE_DATE_EPOCH: "src" }, contexts, sourceTime }),
    await plan(`ARG SOURCE_DATE_EPOCH=time\n${stage}FROM a\nARG SOURCE_DATE_EPOCH\n`, { sourceTime }),
  ];
  expect(asked).toEqual([
    { kind: "context" },
    { kind: "named", name: "src" },
    { kind: "remote", address: "https://e.test/1.tar", checksum: "sha256:x" },
  ]);
  for (const result of results) {
    expect(result.sourceDateEpoch).toBe(77);
    expect(describeHistory(result)).toContain("ARG SOURCE_DATE_EPOCH=77\n");
  }
});

test.each([
  ["FROM a AS time\nADD https://e.test/x /\n", "begins FROM scratch"],
  ["FROM scratch AS time\nRUN x\nADD https://e.test/x /\n", "has ARG and one ADD"],
  ["FROM scratch AS time\nADD https://e.test/x /\nADD https://e.test/y /\n", "has one ADD"],
  ["FROM scratch AS time\nADD https://e.test/x https://e.test/y /\n", "adds one source"],
  ["FROM scratch AS time\nADD x /\n", "adds an http or git address"],
  ["FROM scratch AS time\n", "has an ADD"],
])("a stage that cannot tell the time: %j %s", async (stage, rule) => {
  await expect(at(`${stage}FROM a\n`, { buildArgs: { SOURCE_DATE_EPOCH: "time" } })).rejects.toThrow(rule);
});

import { expect, test } from "vitest";
import type { Worker } from "../worker/spawn.ts";
import { WorkerKeeper } from "./worker-keeper.ts";
import type { WorkerNeeds } from "./worker-keeper.ts";

function keeper(): { readonly keeper: WorkerKeeper; readonly log: string[] } {
  const log: string[] = [];
  const start = async (needs: WorkerNeeds): Promise<Worker> => {
    const name = JSON.stringify(needs);
    log.push(`start ${name}`);
    const form = needs.traced === true ? "kept" : "plain";
    return { form, close: async () => void log.push(`close ${name}`) } as unknown as Worker;
  };
  return { keeper: new WorkerKeeper(start), log };
}

test("one worker serves all that need no more than it has", async () => {
  const { keeper: one, log } = keeper();
  await Promise.all([one.get({ ownNamespace: true }), one.get({ ownNamespace: true })]);
  await one.get({});
  await one.close();
  expect(log).toEqual(['start {"ownNamespace":true}', 'close {"ownNamespace":true}']);
});

test("one that lacks what is needed now is replaced once, and closed before", async () => {
  const { keeper: one, log } = keeper();
  await one.get({ ownNamespace: false, traced: false });
  expect(one.form).toBe("plain");
  const again = { ownNamespace: false, traced: true };
  const [a, b] = await Promise.all([one.get(again), one.get(again)]);
  expect(a).toBe(b);
  expect(one.form).toBe("kept");
  await one.close();
  const [first, second] = ['{"ownNamespace":false,"traced":false}', '{"ownNamespace":false,"traced":true}'];
  expect(log).toEqual([`start ${first}`, `close ${first}`, `start ${second}`, `close ${second}`]);
});

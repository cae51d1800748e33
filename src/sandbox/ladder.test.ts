import { expect, test } from "vitest";
import { AppError } from "../base/errors.ts";
import { ladderSandbox } from "./ladder.ts";
import { RunFailure } from "./run-failure.ts";
import { rungNamed } from "./rung.ts";
import type { RungName } from "./rung.ts";
import type { Sandbox, SandboxRun } from "./sandbox.ts";

const request = { argv: ["/bin/sh", "-c", "make"] } as unknown as SandboxRun;
const options = { onOutput: () => {}, signal: new AbortController().signal };

function rung(name: RungName, run: () => void): Sandbox & { readonly runs: () => number } {
  let count = 0;
  return {
    rung: rungNamed(name),
    runtime: null,
    runs: () => count,
    run: async () => {
      count++;
      run();
    },
  };
}

function refuse(): never {
  throw new AppError("SANDBOX_FAILED", "EPERM: chroot", { hint: "Ask for more." });
}

test("a rung that cannot begin is passed over from then on, and said to be", async () => {
  const notes: string[] = [];
  const [high, low] = [rung("chroot", refuse), rung("proot", () => {})];
  const passedOver = [{ rung: "runtime", reason: "EPERM: unshare", fix: "Unconfine it." }] as const;
  const ladder = ladderSandbox({ rungs: [high, low], passedOver, onNote: (_, message) => notes.push(message) });
  await ladder.run(request, options);
  await ladder.run(request, options);
  expect([high.runs(), low.runs()]).toEqual([1, 2]);
  expect(notes).toHaveLength(1);
  expect(notes[0]).toMatch(
    /rung proot[^]*runtime passed over: EPERM: unshare. Unconfine it.[^]*chroot passed over: EPERM: chroot. Ask for more./,
  );
});

test("of RUNs that are refused at the same time none takes another rung away", async () => {
  const notes: string[] = [];
  const [high, low] = [rung("runtime", refuse), rung("namespace", () => {})];
  const ladder = ladderSandbox({ rungs: [high, low], passedOver: [], onNote: (_, message) => notes.push(message) });
  await Promise.all([ladder.run(request, options), ladder.run(request, options), ladder.run(request, options)]);
  expect(low.runs()).toBe(3);
  expect(notes.join().match(/runtime passed over/g)).toHaveLength(1);
});

test("a command that fails is no reason to try another rung", async () => {
  const low = rung("proot", () => {});
  const high = rung("chroot", () => {
    throw new RunFailure("the command failed: exit code 3", 3);
  });
  const ladder = ladderSandbox({ rungs: [high, low], passedOver: [], onNote: () => {} });
  await expect(ladder.run(request, options)).rejects.toThrow("exit code 3");
  expect(low.runs()).toBe(0);
});

test("a rung that has worked is not given up", async () => {
  let works = true;
  const low = rung("proot", () => {});
  const high = rung("chroot", () => {
    if (!works) refuse();
  });
  const ladder = ladderSandbox({ rungs: [high, low], passedOver: [], onNote: () => {} });
  await ladder.run(request, options);
  works = false;
  await expect(ladder.run(request, options)).rejects.toThrow("EPERM: chroot");
  expect(low.runs()).toBe(0);
});

test("where no rung is left all reasons are told", async () => {
  const ladder = ladderSandbox({ rungs: [rung("chroot", refuse)], passedOver: [], onNote: () => {} });
  await expect(ladder.run(request, options)).rejects.toMatchObject({
    code: "SANDBOX_UNAVAILABLE",
    message: expect.stringContaining("chroot passed over: EPERM: chroot"),
    hint: "Ask for more.",
  });
});

test("the rung is told before the first output, one line for rungs with one reason", async () => {
  const heard: string[] = [];
  const low: Sandbox = {
    rung: rungNamed("proot"),
    runtime: null,
    run: async (_, { onOutput }) => void onOutput("stdout", Buffer.from("hello")),
  };
  const reason = { reason: "no ids", fix: "usermod." };
  const passedOver = [
    { rung: "runtime", ...reason },
    { rung: "namespace", ...reason },
  ] as const;
  const ladder = ladderSandbox({ rungs: [low], passedOver, onNote: (_, message) => heard.push(message) });
  await ladder.run(request, { ...options, onOutput: (_, data) => void heard.push(Buffer.from(data).toString()) });
  expect(heard).toHaveLength(2);
  expect(heard[0]).toMatch(/\n {2}runtime and namespace passed over: no ids\. usermod\.$/);
  expect(heard[1]).toBe("hello");
});

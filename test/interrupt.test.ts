import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { missingForNamespaces, runsAsRoot, unprivilegedUser } from "./bed/user.ts";
import { Yard, type Running, type SceneName } from "./support/yard.ts";

/**
 * Builds that are interrupted in the middle of something. What must hold whenever a build was
 * interrupted is checked by the yard; here is what the command itself answers, and how soon.
 * The full matrix is in crash-matrix.test.ts.
 */
const missing = missingForNamespaces(unprivilegedUser());
if (missing !== undefined) console.warn(`interruptions as a user are left out: ${missing}`);
const AS = [
  { title: "a user", user: "unprivileged", skip: missing !== undefined },
  { title: "root", user: "current", skip: !runsAsRoot },
] as const;

const SIGNALS: readonly (readonly [SceneName, NodeJS.Signals, number])[] = [
  ["a RUN with daemons", "SIGINT", 130],
  ["a RUN that ignores signals", "SIGTERM", 143],
  ["an extraction", "SIGINT", 130],
  ["packing a layer", "SIGHUP", 129],
  ["pushing a blob", "SIGINT", 130],
  ["pushing the tag", "SIGTERM", 143],
];
const KILLED: readonly SceneName[] = [
  "a RUN that ignores signals",
  "an extraction",
  "packing a layer",
  "pushing a manifest",
];
/** Root's namespaces differ, transfers do not. */
const AS_ROOT: ReadonlySet<SceneName> = new Set(["a RUN with daemons", "an extraction"]);

const toGroup = (signal: NodeJS.Signals) => (running: Running) => void process.kill(-running.pid, signal);
const toControl = (signal: NodeJS.Signals) => (running: Running) => void process.kill(running.pid, signal);

for (const { title, user, skip } of AS) {
  describe.skipIf(skip)(`as ${title}`, () => {
    let yard: Yard;
    beforeAll(async () => {
      yard = await Yard.open(user);
    });
    afterAll(() => yard[Symbol.asyncDispose]());

    const isDone = (scene: SceneName): boolean => title !== "root" || AS_ROOT.has(scene);

    test.each(SIGNALS.filter(([scene]) => isDone(scene)))(
      "%s: %s to the process group ends it with %i",
      async (scene, signal, code) => {
        const { result, seconds } = await yard.interrupt(scene, toGroup(signal));
        expect(result).toMatchObject({ exitCode: code, signal: null });
        expect(result.stderr).toContain(`error[INTERRUPTED_${signal}]`);
        expect(seconds).toBeLessThan(3);
      },
    );

    test.each(KILLED.filter(isDone))("%s: killed with its process group", async (scene) => {
      const { result } = await yard.interrupt(scene, toGroup("SIGKILL"));
      expect(result).toMatchObject({ exitCode: null, signal: "SIGKILL" });
    });

    test("a RUN with daemons: control killed alone", async () => {
      const { result } = await yard.interrupt("a RUN with daemons", toControl("SIGKILL"));
      expect(result).toMatchObject({ exitCode: null, signal: "SIGKILL" });
    });

    test("a RUN: control killed while its worker hangs", async () => {
      const { result } = await yard.interrupt("a RUN with daemons", ({ pid, pids }) => {
        for (const worker of pids("worker")) process.kill(worker, "SIGSTOP");
        process.kill(-pid, "SIGKILL");
      });
      expect(result).toMatchObject({ exitCode: null, signal: "SIGKILL" });
    });

    test.each(["worker", "guard"] as const)("a RUN: killed its %s, the build fails and says so", async (part) => {
      const strike = ({ pids }: Running): void => {
        const found = pids(part);
        expect(found.length).toBe(1);
        for (const pid of found) process.kill(pid, "SIGKILL");
      };
      const { result, seconds } = await yard.interrupt("a RUN with daemons", strike, { filesStay: part === "guard" });
      expect(result.exitCode).toBe(8);
      expect(result.stderr).toContain("error[WORKER_DIED]");
      expect(seconds).toBeLessThan(3);
    });

    test("a RUN: killed all its processes at once, the next build removes what they left", async () => {
      const strike = ({ pid, pids }: Running): void => {
        const all = [...pids("guardian"), ...pids("guard"), ...pids("worker"), pid];
        expect(all.length).toBeGreaterThan(3);
        for (const one of all) process.kill(one, "SIGKILL");
      };
      const { result } = await yard.interrupt("a RUN with daemons", strike, { filesStay: true });
      expect(result.signal).toBe("SIGKILL");
    });

    test("a RUN: its terminal goes away", async () => {
      // script(1) holds the terminal; the kernel sends SIGHUP to who is on it, and their writes fail.
      const terminal = ["sh", "-c", 'exec script --quiet --command "$*" /dev/null', "sh"];
      const { result } = await yard.interrupt("a RUN with daemons", toControl("SIGKILL"), { prefix: terminal });
      expect(result.signal).toBe("SIGKILL");
    });

    test("a second Ctrl-C ends at once what would take its time", async () => {
      const { result, seconds } = await yard.interrupt("a RUN that catches SIGTERM and stays", async ({ pid }) => {
        process.kill(-pid, "SIGINT");
        await new Promise((resolve) => setTimeout(resolve, 600));
        process.kill(pid, 0); // It waits for the RUN.
        process.kill(-pid, "SIGINT");
      });
      expect(result).toMatchObject({ exitCode: 130, signal: null });
      expect(seconds).toBeLessThan(1.5);
    });
  });
}

import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findProgram } from "./bed/process.ts";
import { runsAsRoot } from "./bed/user.ts";
import { unlessGone } from "./support/files-below.ts";
import { missingBusybox } from "./worker/busybox-root.ts";
import type { Control } from "./worker/control.ts";
import { TestStore } from "./worker/control.ts";
import { ROOT, skipped, USER } from "./worker/who.ts";

/** Every rung that has a RUN, as whoever has it. */
const cases = [
  { rung: "runtime", who: ROOT },
  { rung: "namespace", who: ROOT },
  { rung: "chroot", who: ROOT },
  { rung: "proot", who: ROOT },
  { rung: "proot", who: USER },
] as const;

const all = process.env["MANYARCH_TEST_ALL"] === "1";
const tried = cases
  .filter(({ rung, who }) => all || rung === "chroot" || (rung === "proot" && who === USER))
  .map((one) => ({ ...one, name: one.who.name }));

const isSkipped = skipped("escapes", runsAsRoot ? missingBusybox() : "only root can be every user");

/** One test for each class of advisory that can be of a RUN here, named after its first. */
describe.skipIf(isSkipped).each(tried)("a RUN on the rung $rung of $name", ({ rung, who }) => {
  let store: TestStore;
  let control: Control;
  /** Of the machine, and nothing of it may change. */
  let outside = "";
  const hasProc = rung !== "chroot";

  beforeAll(async () => {
    store = new TestStore(who);
    outside = join(store.directory, "outside");
    mkdirSync(outside, { mode: 0o777 });
    writeFileSync(join(outside, "canary"), "untouched", { mode: 0o666 });
    control = await store.control({ env: { CANARY: "of the machine" }, careless: true, sandbox: { forced: rung } });
    adopt("base");
  });
  afterAll(async () => {
    expect(readdirSync(outside)).toEqual(["canary"]);
    expect(readFileSync(join(outside, "canary"), "utf8")).toBe("untouched");
    await control?.close();
    store?.remove();
  });

  /** Where a rung that may not set owners has its snapshots. */
  function named(id: string): string {
    return rung === "proot" ? `${id}.kept` : id;
  }

  function adopt(id: string, change?: (root: string) => void): void {
    store.adoptBusybox(named(id), change);
  }

  test.runIf(hasProc)("CVE-2024-21626: has no descriptor but the standard ones, and no directory by one", async () => {
    // The pipes of its output have lost the names that they had.
    const { stdout } = await control.run("for fd in /proc/self/fd/*; do readlink $fd; done | grep -v deleted; true");
    expect(stdout).not.toMatch(/^\/$/m);
    expect(stdout).not.toContain(store.directory);
    for (const fd of [3, 7, 9, 200]) {
      const { error } = await control.run("true", { cwd: `/proc/self/fd/${fd}` });
      expect(error).toBeDefined();
    }
  });

  test.runIf(hasProc)("CVE-2019-5736: cannot overwrite the program that started it", async () => {
    const programs = [process.execPath, findProgram("crun"), findProgram("runc")].filter((path) => path !== undefined);
    const before = programs.map(digestOf);
    await control.run("for exe in /proc/[0-9]*/exe /proc/self/exe; do echo overwritten >$exe; done 2>/dev/null; true");
    expect(programs.map(digestOf)).toEqual(before);
  });

  test("CVE-2021-3602: sees no variable of the machine's", async () => {
    const { stdout } = await control.run("env");
    expect(stdout).toContain("PATH=/bin");
    expect(stdout).not.toContain("CANARY");
  });

  test.runIf(hasProc)("cannot read environment, memory or descriptors of the builder", async () => {
    const script = `for pid in /proc/[0-9]*; do
        tr '\\0' '\\n' <$pid/environ | grep CANARY && echo "$pid"
        ls -l $pid/fd/ 2>/dev/null | grep -v deleted | grep -F ${store.root} && echo "$pid"
      done 2>/dev/null; true`;
    expect((await control.run(script)).stdout).toBe("");
  });

  test("CVE-2022-24769: has nothing inheritable, and on the rung chroot no way out of its root", async () => {
    if (hasProc) {
      const { stdout } = await control.run("grep CapInh /proc/self/status");
      expect(stdout).toMatch(/CapInh:\s0{16}/);
    } else {
      // Who may change his root once more walks out of it.
      const { error } = await control.run("mkdir -p /x; chroot /x /bin/true");
      expect(error).toBeDefined();
    }
  });

  test.each(["proc", "sys", "dev", "etc"])(
    "CVE-2021-30465: on a base whose /%s is a link touches nothing outside",
    async (name) => {
      adopt(`linked-${name}`, (base) => {
        if (name === "etc") renameSync(join(base, "etc"), join(base, "etc-before"));
        else rmSync(join(base, name), { recursive: true, force: true });
        symlinkSync(outside, join(base, name));
      });
      await control.run("true", { parents: [`linked-${name}`] });
      expect(readdirSync(outside)).toEqual(["canary"]);
    },
  );

  test.each(["/etc", "/dev", "/place"])(
    "CVE-2024-23652: that puts a link in the way of what was put in at %s has nothing removed outside",
    async (directory) => {
      const mounts = [{ kind: "tmpfs", target: "/place/mounted" }] as const;
      const script = `cd /; rm -rf ${directory} 2>/dev/null || mv ${directory} /moved 2>/dev/null; ln -s ${outside} ${directory}; true`;
      await control.run(script, { mounts });
      expect(readdirSync(outside)).toEqual(["canary"]);
    },
  );

  test("CVE-2026-41567: no program of the image is executed but the command", async () => {
    const trojan = "#!/bin/busybox sh\nexec /bin/busybox touch /trojan\n";
    adopt("trojan", (base) => {
      mkdirSync(join(base, "usr/bin"), { recursive: true });
      for (const name of ["unshare", "setpriv", "chroot", "mount", "rm", "node", "proot", "tar"])
        for (const place of ["bin", "usr/bin"]) {
          rmSync(join(base, place, name), { force: true });
          writeFileSync(join(base, place, name), trojan, { mode: 0o755 });
        }
    });
    const id = `trojaned-${rung}-${who.name}`;
    const { error } = await control.run("", { id, argv: ["/bin/busybox", "true"], parents: ["trojan"] });
    expect(error).toBeUndefined();
    expect(store.listing(named(id))).not.toContain("trojan");
  });

  test("goes with control, should that be killed in the middle of it, and its files too", async () => {
    const before = readdirSync(join(store.root, "sessions"));
    const other = await store.control({ sandbox: { forced: rung } });
    const ended = other.run("setsid sleep 7656 & sleep 7657");
    await until(() => processesWith(/sleep.7657/).length > 0);
    other.kill("SIGKILL");
    await expect(ended).rejects.toThrow("control ended");
    await until(() => processesWith(/sleep.765[67]/).length === 0);
    await until(() => readdirSync(join(store.root, "sessions")).length <= before.length);
  });

  test("leaves no process behind that went into the background, left its session and has no parent", async () => {
    await control.run("setsid sh -c 'sleep 7654 & sleep 7655' >/dev/null 2>&1 & sleep 0.2; true");
    expect(processesWith(/sleep.765[45]/)).toEqual([]);
  });
});

/** Their command lines. */
function processesWith(command: RegExp): readonly string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => unlessGone(() => readFileSync(`/proc/${pid}/cmdline`, "latin1")) ?? "")
    .filter((line) => command.test(line));
}

async function until(condition: () => boolean): Promise<void> {
  for (const deadline = performance.now() + 20_000; performance.now() < deadline; await sleep(50))
    if (condition()) return;
  throw new Error("it did not come about within 20 s");
}

function digestOf(path: string): string {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}

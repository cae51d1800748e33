import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Digest } from "../src/oci/digest.ts";
import type { CopyRequest, LayerBlob, Packing } from "../src/worker/protocol.ts";
import { findLeftovers } from "./bed/leftovers.ts";
import { runTool } from "./bed/process.ts";
import { missingForNamespaces, runsAsRoot } from "./bed/user.ts";
import { filesBelow } from "./support/files-below.ts";
import { missingBusybox } from "./worker/busybox-root.ts";
import type { Control, Outcome } from "./worker/control.ts";
import { TestStore } from "./worker/control.ts";
import { EACH, skipped, USER } from "./worker/who.ts";

const packing: Packing = { compression: "gzip", format: "oci" };

/** A tree that nobody but root of the user namespace can remove. */
const CLOSED = "mkdir /closed; touch /closed/file; chmod 0 /closed; chown -R 4711 /closed";

describe.skipIf(skipped("worker tests", missingBusybox())).each(EACH)("a worker of $name", (who) => {
  let store: TestStore;
  let control: Control;

  const open = async (): Promise<void> => {
    store = new TestStore(who);
    control = await store.control();
    store.adoptBusybox("base");
  };
  const close = async (): Promise<void> => {
    await control.close();
    const left = await settledLeftovers(store);
    store.remove();
    expect(left).toEqual({ processes: [], mounts: [], files: [] });
  };

  describe("at work", () => {
    beforeAll(open);
    afterAll(close);

    test.runIf(who.uid === 0)("makes no handler of binfmt_misc where it would be the machine's", async () => {
      const qemu = { architecture: "s390x", path: "/bin/true", version: "1", keepsName: true };
      const { error } = await control.run("true", { emulator: { kind: "own", qemu } });
      expect(error?.code).toBe("SANDBOX_EMULATOR");
    });

    test("packs what a RUN changed, and extracts and indexes that layer again", async () => {
      const script =
        "mkdir -p /a/b; echo one > /a/b/c; ln /a/b/c /a/d; ln -s c /a/b/s; rm /etc/group; chown 1000:1001 /a/d; chmod 4711 /a/d";
      expect(await control.run(script, { id: "made" })).toMatchObject({ ok: null });
      const layer = await pack(control, "made");
      expect(layer.mediaType).toBe("application/vnd.oci.image.layer.v1.tar+gzip");
      const blob = join(store.root, "blobs/sha256", layer.digest.slice(7));
      expect(statSync(blob).size).toBe(layer.size);
      expect(runTool("tar", ["-tzf", blob]).trim().split("\n")).toEqual([
        "a/",
        "a/b/",
        "a/b/c",
        "a/b/s",
        "a/d",
        "etc/",
        "etc/.wh.group",
      ]);

      expect(await control.request({ op: "extract", layer, parents: ["base"], id: "again" })).toMatchObject({
        ok: null,
      });
      const { stdout } = await control.run("cat /a/d /a/b/s; stat -c '%a %u:%g %h' /a/b/c; ls /etc/group 2>&1", {
        parents: ["base", "again"],
      });
      expect(stdout).toBe("one\none\n4711 1000:1001 2\nls: /etc/group: No such file or directory\n");
      expect(await pack(control, "again")).toEqual(layer);

      expect(await control.request({ op: "index", layer })).toMatchObject({ ok: null });
      expect(existsSync(join(store.root, "indexes", `${layer.diffId.slice(7)}.json`))).toBe(true);
    });

    test("publishes nothing of a layer that is not what it should be", async () => {
      await control.run("echo one > /one", { id: "sound" });
      const layer = await pack(control, "sound");
      const indexes = existsSync(join(store.root, "indexes")) ? readdirSync(join(store.root, "indexes")) : [];
      const other = { ...layer, diffId: `sha256:${"0".repeat(64)}` as Digest };
      const outcome = await control.request({ op: "extract", layer: other, parents: [], id: "wrong" });
      expect(outcome.error?.code).toBe("LAYER_DIGEST_MISMATCH");
      expect(store.has("wrong")).toBe(false);
      expect((await control.request({ op: "index", layer: other })).error?.code).toBe("LAYER_DIGEST_MISMATCH");
      expect(readdirSync(join(store.root, "indexes"))).toEqual(indexes);
    });

    test("copies from a context and from a chain, to a snapshot and to a layer alone, with the same bytes", async () => {
      const context = join(store.directory, "context");
      mkdirSync(join(context, "src"), { recursive: true });
      writeFileSync(join(context, "src/main.go"), "package main\n");
      writeFileSync(join(context, "src/secret"), "no\n");
      symlinkSync("/etc/hostname", join(context, "src/link"));
      const source = { kind: "context", directory: context, ignore: ["**/secret"] } as const;
      const paths = ["src"];
      const { ok } = await control.request({ op: "select", source, paths });
      const expect_ = (ok as { readonly content: Digest }).content;
      const copy = (changes: Partial<CopyRequest>): Promise<Outcome> =>
        control.request({
          op: "copy",
          mtime: "0",
          source,
          paths,
          expect: expect_,
          destination: "/app",
          intoDirectory: true,
          owner: "app",
          base: { kind: "chain", chain: ["base"] },
          id: "copied",
          result: { kind: "snapshot" },
          ...changes,
        });
      expect(await copy({})).toMatchObject({ ok: {} });
      expect(store.listing("copied")).toEqual(["app", "app/link", "app/main.go"]);
      const { stdout } = await control.run("stat -c '%u:%g %n' /app/*; readlink /app/link", {
        parents: ["base", "copied"],
      });
      expect(stdout).toBe("1000:1001 /app/link\n1000:1001 /app/main.go\n/etc/hostname\n");

      const apart = (await copy({ result: { kind: "layer", packing }, owner: "1000:1001", base: { kind: "absent" } }))
        .ok as { readonly layer: LayerBlob };
      expect(apart.layer.diffId).toBe((await pack(control, "copied")).diffId);

      const whole = (await control.request({ op: "pack", id: "base", parents: [], packing })).ok as {
        readonly layer: LayerBlob;
      };
      await control.request({ op: "index", layer: whole.layer });
      const indexed = await copy({
        result: { kind: "layer", packing },
        base: { kind: "indexes", diffIds: [whole.layer.diffId] },
      });
      expect(indexed.ok).toEqual({ layer: apart.layer });

      const chain = { kind: "chain", chain: ["base", "copied"] } as const;
      const selected = (await control.request({ op: "select", source: chain, paths: ["/app/main.go"] })).ok as {
        readonly content: Digest;
      };
      await copy({
        source: chain,
        paths: ["/app/main.go"],
        expect: selected.content,
        destination: "/bin/main",
        intoDirectory: false,
        owner: undefined,
        id: "from-chain",
      });
      expect(store.listing("from-chain")).toEqual(["bin", "bin/main"]);

      writeFileSync(join(context, "src/main.go"), "package changed\n");
      expect((await copy({ id: "changed" })).error?.code).toBe("CONTEXT_CHANGED");
      expect(store.has("changed")).toBe(false);
    });

    test("makes working directories and exports a tree", async () => {
      const base = { kind: "chain", chain: ["base"] } as const;
      const made = await control.request({
        op: "mkdir",
        path: "/srv/app",
        owner: "app",
        base,
        mtime: "1700000000000000000",
        id: "workdir",
        result: { kind: "snapshot" },
      });
      expect(made.error).toBeUndefined();
      const { stdout } = await control.run("stat -c '%a %u:%g %Y %n' /srv /srv/app", { parents: ["base", "workdir"] });
      expect(stdout).toBe("755 1000:1001 1700000000 /srv\n755 1000:1001 1700000000 /srv/app\n");
      const inTheWay = await control.request({
        op: "mkdir",
        path: "/etc/passwd",
        base,
        mtime: "0",
        id: "no",
        result: { kind: "snapshot" },
      });
      expect(inTheWay.error?.code).toBe("DOCKERFILE_WORKDIR_CONFLICT");

      const out = join(store.root, "../out");
      runTool("install", ["-d", "-o", String(who.uid), out]);
      const trees = [{ chain: ["base", "workdir"], prefix: "", platform: "linux/amd64" }];
      expect((await control.request({ op: "export", trees, form: "directory", path: out })).error).toBeUndefined();
      expect(readFileSync(join(out, "etc/passwd"), "utf8")).toContain("app:x:1000");
      expect(statSync(join(out, "srv/app")).uid).toBe(who.uid);
    });

    test("answers at once for a snapshot that is there, and says when one is missing", async () => {
      await control.run("echo one > /one", { id: "once" });
      expect(await control.run("echo two > /one; exit 1", { id: "once" })).toMatchObject({ ok: null });
      expect(store.read("once", "one")).toBe("one\n");
      expect((await control.run("true", { parents: ["gone"] })).error?.code).toBe("STORE_SNAPSHOT_MISSING");
      writeFileSync(join(store.root, "snapshots/once/boot"), "before the power failed");
      await control.run("echo three > /one", { id: "once" });
      expect(store.read("once", "one")).toBe("three\n");
    });

    test("leaves no zombies", async () => {
      // Other workers of this machine have theirs.
      const before = new Set(zombies());
      for (let i = 0; i < 5; i++) await control.run("true & sh -c 'true & true'");
      expect(zombies().filter((line) => !before.has(line))).toEqual([]);
    });
  });

  describe("with a store of its own", () => {
    beforeEach(open);
    afterEach(close);

    test("streams output of any size with bounded memory", async () => {
      let received = 0;
      await control.run("head -c 60000000 /dev/zero | tr '\\0' 'x'", {}, (text) => (received += text.length));
      expect(received).toBe(60_000_000);
      const peak = workerStatus(store).match(/^VmHWM:\s+(\d+) kB$/m)?.[1];
      expect(Number(peak)).toBeLessThan(220_000);
    });

    test("asks a cancelled RUN to end, and ends it where it does not listen", async () => {
      const polite = control.run(
        "trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.05; done",
        { id: "polite" },
        (text, cancel) => {
          if (text.startsWith("ready")) cancel();
        },
      );
      expect(await polite).toMatchObject({ stdout: "ready\nbye\n", error: { code: "INTERRUPTED" } });
      const began = Date.now();
      const deaf = control.run("trap '' TERM; echo ready; sleep 1000", { id: "deaf" }, (_, cancel) => cancel());
      expect(await deaf).toMatchObject({ error: { code: "INTERRUPTED" } });
      expect(Date.now() - began).toBeLessThan(5000);
      expect([store.has("polite"), store.has("deaf")]).toEqual([false, false]);
      expect(readdirSync(join(store.root, "snapshots"))).toEqual(["base"]);
      expect(await control.run("true")).toMatchObject({ ok: null });
    });

    test("shares its store with another one", async () => {
      const other = await store.control();
      const script = "for i in $(seq 200); do echo $i > /file$i; done";
      const both = await Promise.all(
        [control, other].flatMap((one) => [one.run(script, { id: "same" }), one.run("true")]),
      );
      for (const { error } of both) expect(error).toBeUndefined();
      expect(store.listing("same").length).toBe(200);
      const [first, second] = await Promise.all([pack(control, "same"), pack(other, "same")]);
      expect(first).toEqual(second);
      await other.close();
    });

    test("killed with its control in the middle of a RUN leaves nothing, and the next one is right", async () => {
      const script = `${CLOSED}; sleep 1000 & echo started; while :; do echo x >> /x; done`;
      let began: () => void;
      const started = new Promise<void>((resolve) => (began = resolve));
      const run = control.run(script, { id: "killed" }, () => began());
      await started;
      // Whatever it is at, it does not have to notice.
      process.kill(workerPid(store), "SIGSTOP");
      control.kill("SIGKILL");
      await expect(run).rejects.toThrow("control ended");
      expect(await settledLeftovers(store)).toEqual({ processes: [], mounts: [], files: [] });
      expect(readdirSync(join(store.root, "snapshots"))).toEqual(["base"]);
      control = await store.control();
      expect(await control.run("echo right > /x", { id: "killed" })).toMatchObject({ ok: null });
      expect(store.read("killed", "x")).toBe("right\n");
    });

    test("killed with its control in the middle of an extraction leaves nothing, and the next one is right", async () => {
      await control.run("for d in $(seq 40); do mkdir /d$d; for i in $(seq 100); do echo $i > /d$d/$i; done; done", {
        id: "many",
      });
      const layer = await pack(control, "many");
      const extraction = control.request({ op: "extract", layer, parents: ["base"], id: "extracted" });
      await until(() =>
        filesBelow(join(store.root, "sessions")).some(({ path }) => /snapshot\.[^/]+\/fs\/d1\//.test(path)),
      );
      control.kill("SIGKILL");
      await expect(extraction).rejects.toThrow("control ended");
      expect(await settledLeftovers(store)).toEqual({ processes: [], mounts: [], files: [] });
      expect(store.has("extracted")).toBe(false);
      control = await store.control();
      expect(await control.request({ op: "extract", layer, parents: ["base"], id: "extracted" })).toMatchObject({
        ok: null,
      });
      expect(store.listing("extracted")).toEqual(store.listing("many"));
    });

    test("after control and guard were killed at once, the next worker removes what they left", async () => {
      let began: () => void;
      const started = new Promise<void>((resolve) => (began = resolve));
      const run = control.run(`${CLOSED}; echo started; sleep 1000`, {}, () => began());
      const failed = expect(run).rejects.toThrow("control ended");
      await started;
      const processes = findLeftovers(store.root, []).processes.map((line) => Number.parseInt(line, 10));
      for (const pid of [control.pid, ...processes]) kill(pid);
      await failed;
      await until(() => findLeftovers(store.root, []).processes.length === 0);
      expect(filesBelow(join(store.root, "sessions")).some(({ path }) => path.endsWith("/closed"))).toBe(true);
      const dead = readdirSync(join(store.root, "sessions"));
      control = await store.control();
      await until(() => !readdirSync(join(store.root, "sessions")).some((name) => dead.includes(name)));
    });

    test("inherits nothing but its channel, and no variable", async () => {
      const careless = await store.control({
        env: { CANARY: "of the machine" },
        careless: true,
      });
      try {
        const pids = findLeftovers(store.root, []).processes.map((line) => Number.parseInt(line, 10));
        for (const pid of pids.filter((id) => id !== careless.pid && id !== control.pid)) {
          const links = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
          expect(links).not.toContain("/");
          expect(readFileSync(`/proc/${pid}/environ`, "utf8")).not.toContain("CANARY");
        }
        expect(pids.length).toBeGreaterThanOrEqual(8);
      } finally {
        await careless.close();
      }
    });

    test("that dies fails what it was asked, and says so", async () => {
      const run = control.run("echo started; sleep 1000", {}, () => kill(workerPid(store)));
      expect(await run).toMatchObject({ error: { code: "WORKER_DIED" } });
      expect(await control.run("true")).toMatchObject({ error: { code: "WORKER_DIED" } });
    });
  });
});

test.skipIf(missingForNamespaces(USER) !== undefined || !runsAsRoot)(
  "a user without subordinate ids is told what root must type",
  async () => {
    const store = new TestStore({ name: "nobody", uid: 65534, gid: 65534, home: "/" });
    try {
      await expect(store.control({ sandbox: { lowest: "namespace" } })).rejects.toThrow(
        /SANDBOX_UNAVAILABLE[^]*As root: usermod --add-subuids \d+-\d+ --add-subgids \d+-\d+ nobody/,
      );
      expect((await settledLeftovers(store)).processes).toEqual([]);
    } finally {
      store.remove();
    }
  },
);

async function pack(control: Control, id: string): Promise<LayerBlob> {
  const { ok, error } = await control.request({ op: "pack", id, parents: ["base"], packing });
  expect(error).toBeUndefined();
  return (ok as { readonly layer: LayerBlob }).layer;
}

/** The kernel and the guard need a moment. */
async function settledLeftovers(store: TestStore): Promise<ReturnType<typeof findLeftovers>> {
  const look = (): ReturnType<typeof findLeftovers> => findLeftovers(store.directory, [join(store.root, "sessions")]);
  for (let wait = 0; wait < 100; wait++) {
    const { processes, mounts, files } = look();
    if (processes.length + mounts.length + files.length === 0) break;
    await sleep(50);
  }
  return look();
}

async function until(condition: () => boolean): Promise<void> {
  const end = Date.now() + 20_000;
  while (!condition()) {
    if (Date.now() > end) throw new Error("what was waited for did not come");
    await sleep(2);
  }
}

function workerPid(store: TestStore): number {
  const line = findLeftovers(store.root, []).processes.find((process) =>
    /^\d+ \S*node .*worker\/main\.ts/.test(process),
  );
  return Number.parseInt(line ?? "0", 10);
}

function workerStatus(store: TestStore): string {
  return readFileSync(`/proc/${workerPid(store)}/status`, "utf8");
}

function kill(pid: number): void {
  try {
    if (pid > 0) process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** `PID COMMAND` of each dead process of a container that nobody has waited for. */
function zombies(): readonly string[] {
  const lines = runTool("ps", ["-eo", "stat,pid,args"]).split("\n");
  return lines.filter((line) => /^Z.*(?:crun|runc|busybox)/.test(line)).map((line) => line.replace(/^Z\S*\s+/, ""));
}

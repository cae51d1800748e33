import { createServer } from "node:net";
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { CacheMount, RunMount } from "../src/worker/protocol.ts";
import { runTool } from "./bed/process.ts";
import { missingBusybox } from "./worker/busybox-root.ts";
import type { Control } from "./worker/control.ts";
import { TestStore } from "./worker/control.ts";
import { EACH, skipped } from "./worker/who.ts";

const owner = { uid: 0, gid: 0 } as const;
const cache = (name: string, rest: Partial<CacheMount> = {}): RunMount => ({
  ...{ kind: "cache", name, sharing: "shared", target: "/c", readonly: false, mode: 0o755, ...owner },
  ...rest,
});

describe.skipIf(skipped("tests of mounts", missingBusybox())).each(EACH)("RUN --mount of $name", (who) => {
  let store: TestStore;
  let control: Control;
  /** What the RUN of a test leaves. */
  let one = "";
  let count = 0;

  beforeAll(async () => {
    store = new TestStore(who);
    control = await store.control();
    store.adoptBusybox("base", (base) => {
      mkdirSync(join(base, "real/place"), { recursive: true });
      symlinkSync("/real/place", join(base, "link"));
      symlinkSync("/../../../etc", join(base, "out"));
    });
    const files = join(store.directory, "files");
    mkdirSync(join(files, "dir"), { recursive: true });
    writeFileSync(join(files, "dir/a"), "A\n");
    store.adopt("files", files);
  });
  beforeEach(() => {
    one = `one-${count++}`;
  });
  afterAll(async () => {
    await control.close();
    store.remove();
  });

  const bind = (target: string, rest: object = {}): RunMount => ({
    ...{ kind: "bind", chain: ["files"], source: "/", target, readonly: true },
    ...rest,
  });

  test("CVE-2025-4953: a bind shows files, takes writes only with rw, and leaves nothing behind", async () => {
    const script = "cat /link/x/dir/a; echo B > /link/x/b || echo refused; echo C > /new/sub/file; cat /new/sub/file";
    const mounts = [bind("/link/x"), bind("/new/sub/file", { source: "/dir/a", readonly: false })];
    const outcome = await control.run(script, { id: one, mounts });
    expect(outcome).toMatchObject({ ok: null, stdout: "A\nrefused\nC\n" });
    expect(store.listing(one)).toEqual([]);
    expect((await control.run("cat /m/dir/a", { mounts: [bind("/m")] })).stdout).toBe("A\n");
  });

  test("what a RUN writes beside a mount point is its own", async () => {
    const outcome = await control.run("echo x > /made/y", { id: one, mounts: [bind("/made/here")] });
    expect(outcome).toMatchObject({ ok: null });
    expect(store.listing(one)).toEqual(["made", "made/y"]);
  });

  test("CVE-2024-23651: a mount below another one is made in it, and no link leads out of the root", async () => {
    const mounts = [bind("/m/deep/er"), bind("/m"), cache("nested", { target: "/m/deep/cache" }), bind("/out/inside")];
    const outcome = await control.run("ls /m /m/deep /m/deep/er /etc/inside", { id: one, mounts });
    expect(outcome.stdout.replaceAll(/\s+/g, " ")).toBe(
      "/etc/inside: dir /m: deep dir /m/deep: cache er /m/deep/er: dir ",
    );
    expect(store.listing(one)).toEqual([]);
  });

  test("a source that is not there and a target that is a file are refused", async () => {
    const refused = async (mount: RunMount): Promise<unknown> =>
      (await control.run("true", { mounts: [mount] })).error?.code;
    expect(await refused(bind("/m", { source: "/nothing" }))).toBe("RUN_MOUNT_NOT_FOUND");
    expect(await refused(bind("/bin/sh/x"))).toBe("RUN_MOUNT_TARGET");
    expect(await refused(bind("/bin/sh"))).toBe("RUN_MOUNT_TARGET");
    expect(await refused(bind("/.."))).toBe("RUN_MOUNT_TARGET");
  });

  test("a cache stays, has its owner and mode, and begins with what it is made from", async () => {
    const made = cache("owned", { mode: 0o711, uid: 5, gid: 6 });
    await control.run("echo 1 >> /c/count", { mounts: [made] });
    const { stdout } = await control.run("echo 1 >> /c/count; cat /c/count; stat -c '%a %u:%g' /c", { mounts: [made] });
    expect(stdout).toBe("1\n1\n711 5:6\n");
    const from = cache("filled", { from: { chain: ["files"], source: "/dir" }, readonly: true });
    const filled = await control.run("cat /c/a; touch /c/x || echo refused", { mounts: [from] });
    expect(filled.stdout).toBe("A\nrefused\n");
  });

  test.each([
    ["shared", "2 2"],
    ["locked", "1 1"],
    ["private", "1 1"],
  ] as const)("two at a time of a %s cache see %s", async (sharing, expected) => {
    const script = "touch /c/$$.$RANDOM.run; sleep 0.7; ls /c/*.run | wc -l; rm -f /c/*.run";
    const mounts = [cache(sharing, { sharing })];
    const both = await Promise.all(["a", "b"].map((id) => control.run(script, { id: `${one}-${id}`, mounts })));
    // The first of two that share may clean up before the other one counts.
    const counts = both.map(({ stdout }) => stdout.trim()).sort();
    if (sharing === "shared") expect(counts.at(-1)).toBe("2");
    else expect(counts.join(" ")).toBe(expected);
  });

  test("a tmpfs has its size and the permissions of what it covers", async () => {
    const mounts: RunMount[] = [
      { kind: "tmpfs", target: "/tmp", size: 65_536 },
      { kind: "tmpfs", target: "/t" },
    ];
    const script = "stat -c %a /tmp /t; head -c 100000 /dev/zero > /tmp/x || echo full; rm /tmp/x; touch /t/y";
    const { stdout } = await control.run(script, { id: one, mounts });
    expect(stdout).toMatch(/^\d+\n1777\nfull\n$/);
    expect(store.listing(one).filter((path) => path !== "tmp")).toEqual([]);
  });

  test("a secret is a file or a variable of this RUN and is nowhere else", async () => {
    const secret = { kind: "secret", data: Buffer.from("canary-7f3").toString("base64"), ...owner } as const;
    const mounts: RunMount[] = [
      { ...secret, target: "/run/secrets/a", mode: 0o400 },
      { ...secret, env: "TOKEN", mode: 0o400 },
      { ...secret, target: "/s/b", uid: 7, gid: 8, mode: 0o440 },
    ];
    const script =
      "cat /run/secrets/a; echo; echo $TOKEN; stat -c '%a %u:%g' /run/secrets/a /s/b; echo x > /s/b || echo refused";
    const { stdout } = await control.run(script, { id: one, mounts, env: ["PATH=/bin", "TOKEN=other"] });
    expect(stdout).toBe("canary-7f3\ncanary-7f3\n400 0:0\n440 7:8\nrefused\n");
    expect(store.listing(one)).toEqual([]);
    expect(runTool("sh", ["-c", `grep -rl canary-7f3 ${store.root} || test $? -eq 1`])).toBe("");
  });

  test("an agent is a socket of the RUN's own, and its variable says where", async () => {
    const path = join(store.directory, "agent");
    const agent = createServer((socket) => socket.end());
    await new Promise<void>((resolve) => agent.listen(path, resolve));
    chmodSync(path, 0o777);
    const mounts: RunMount[] = [{ kind: "ssh", agent: path, target: "/run/a.0", mode: 0o620, uid: 3, gid: 4 }];
    const script = "echo $SSH_AUTH_SOCK; stat -c '%F %a %u:%g' $SSH_AUTH_SOCK";
    const { stdout } = await control.run(script, { id: one, mounts });
    agent.close();
    expect(stdout).toBe("/run/a.0\nsocket 620 3:4\n");
    expect(store.listing(one)).toEqual([]);
  });

  test("a script is executed from /dev/pipes", async () => {
    const script = { name: "EOF", content: "#!/bin/sh\necho $0 $1\n" };
    const outcome = await control.run("/dev/pipes/EOF x", { id: one, script });
    expect(outcome).toMatchObject({ ok: null, stdout: "/dev/pipes/EOF x\n" });
    expect(store.listing(one)).toEqual([]);
  });
});

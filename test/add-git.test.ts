import { once } from "node:events";
import { readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { createServer } from "node:net";
import type { AddressInfo, Server } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startBed, type Bed } from "./bed/bed.ts";
import { runTool } from "./bed/process.ts";
import { missingForNamespaces, unprivilegedUser } from "./bed/user.ts";
import { build, failure } from "./support/build-log.ts";
import { findBelow, findIn, formsOf } from "./support/canaries.ts";
import { newContext } from "./support/context.ts";
import { GitServer } from "./support/git-server.ts";

const missing = missingForNamespaces(unprivilegedUser());
if (missing !== undefined) console.warn(`tests of ADD from repositories are skipped: ${missing}`);

describe.skipIf(missing !== undefined)("ADD from a repository", () => {
  let bed: Bed;
  let server: GitServer;
  let first: string;
  let second: string;
  let count = 0;
  const contexts = new Map<string, string>();

  beforeAll(async () => {
    bed = await startBed();
    server = await GitServer.start();
    server.run("inner.git", "init");
    const inner = server.commit("inner.git", { "in/deep": "inner\n" });
    server.run("app.git", "init");
    server.commit("app.git", { old: "old\n" });
    server.run("app.git", "tag", "-a", "v1", "-m", "one");
    first = server.push("app.git");
    server.commit("app.git", {
      "main.go": "package main\n",
      "dir/a": "A\n",
      ".gitattributes": "*.txt text eol=crlf\nleft-out export-ignore\nsub export-subst\n",
      "x.txt": "1\n2\n",
      "left-out": "kept\n",
      sub: "$Format:%H$\n",
      ".gitmodules": '[submodule "inner"]\n\tpath = vendor/inner\n\turl = ../inner.git\n',
    });
    symlinkSync("dir", join(server.work("app.git"), "link"));
    runTool("chmod", ["+x", join(server.work("app.git"), "main.go")]);
    server.run("app.git", "add", "-A");
    server.run("app.git", "update-index", "--add", "--cacheinfo", `160000,${inner},vendor/inner`);
    second = server.commit("app.git", {});
    server.run("app.git", "branch", "feature/x", first);
    server.push("app.git");
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await bed[Symbol.asyncDispose]();
  });

  function context(dockerfile: string): string {
    const directory = contexts.get(dockerfile) ?? newContext(bed, { Dockerfile: `FROM scratch\n${dockerfile}\n` });
    contexts.set(dockerfile, directory);
    return directory;
  }

  async function files(dockerfile: string, flags: readonly string[] = [], env: Readonly<Record<string, string>> = {}) {
    const out = join(bed.directory, `out-${count++}`);
    server.asked.splice(0);
    const built = await build(bed, [...flags, "-o", `type=local,dest=${out}`, context(dockerfile)], { env });
    const listing = runTool("find", [out, "-mindepth", "1", "!", "-path", "*/.git/*", "-printf", "%P %M %l\\n"]);
    return {
      out,
      listing: listing
        .trim()
        .split("\n")
        .map((line) => line.trim())
        .sort(),
      ...built,
    };
  }

  const code = async (dockerfile: string): Promise<string> =>
    (await failure(bed, ["-o", "type=local,dest=never", context(dockerfile)])).code;

  test("has what a checkout has: modes, links, line ends, submodules, nothing left out", async () => {
    const { listing, out } = await files(`ADD ${server.url}/app.git /src`);
    expect(listing).toEqual([
      "src drwxr-xr-x",
      "src/.gitattributes -rw-r--r--",
      "src/.gitmodules -rw-r--r--",
      "src/dir drwxr-xr-x",
      "src/dir/a -rw-r--r--",
      "src/left-out -rw-r--r--",
      "src/link lrwxrwxrwx dir",
      "src/main.go -rwxr-xr-x",
      "src/old -rw-r--r--",
      "src/sub -rw-r--r--",
      "src/vendor drwxr-xr-x",
      "src/vendor/inner drwxr-xr-x",
      "src/vendor/inner/in drwxr-xr-x",
      "src/vendor/inner/in/deep -rw-r--r--",
      "src/x.txt -rw-r--r--",
    ]);
    expect(readFileSync(join(out, "src/x.txt"), "utf8")).toBe("1\r\n2\r\n");
    expect(readFileSync(join(out, "src/sub"), "utf8")).toBe("$Format:%H$\n");
  });

  test.each([
    ["#v1", ["old"]],
    ["#feature/x", ["old"]],
    ["?tag=v1", ["old"]],
    ["?branch=feature/x&submodules=false", ["old"]],
    ["#:dir", ["a"]],
    ["?ref=refs/heads/main&subdir=dir", ["a"]],
    ["?subdir=vendor/inner/in", ["deep"]],
  ])("takes %s", async (suffix, expected) => {
    const { listing } = await files(`ADD ${server.url}/app.git${suffix} /`);
    expect(listing.map((line) => line.split(" ")[0])).toEqual(expected);
  });

  test("takes a commit by its digits and by what it begins with, and refuses another", async () => {
    expect((await files(`ADD ${server.url}/app.git#${first} /`)).listing).toHaveLength(1);
    const flags = `ADD --checksum=${second.slice(0, 12)} ${server.url}/app.git?submodules=0 /`;
    expect((await files(flags)).listing.length).toBeGreaterThan(5);
    await files(`ADD ${server.url}/app.git?fetch-by-commit&commit=${first}#anything /`);
    expect(await code(`ADD --checksum=${first} ${server.url}/app.git#main /`)).toBe("GIT_CHECKSUM");
    expect(await code(`ADD ${server.url}/app.git?commit=${"a".repeat(40)}&ref=v1 /`)).toBe("GIT_CHECKSUM");
  });

  test("asks for refs alone where the commit is known, for nothing where it is named", async () => {
    const named = `ADD ${server.url}/app.git#${first} /again`;
    await files(named);
    expect((await files(named)).closing.ran).toBe(0);
    expect(server.asked).toEqual([]);
    const branch = `ADD ${server.url}/app.git#feature/x /branch`;
    await files(branch);
    expect((await files(branch)).closing.ran).toBe(0);
    expect(server.asked.filter((line) => line.startsWith("POST")).length).toBeLessThanOrEqual(1);
    server.run("app.git", "branch", "-f", "feature/x", second);
    server.push("app.git");
    const moved = await files(branch);
    expect(moved.stderr).toContain("why: content changed");
    server.run("app.git", "branch", "-f", "feature/x", first);
    server.push("app.git");
  });

  test("keeps .git where that is asked for: a repository without history, the same each time", async () => {
    const { out, listing } = await files(`ADD --keep-git-dir=true ${server.url}/app.git#main /src`);
    expect(listing).toContain("src/.git drwxr-xr-x");
    const git = (...args: readonly string[]): string =>
      runTool("git", ["-c", "safe.directory=*", "-C", join(out, "src"), ...args]).trim();
    expect(git("rev-parse", "HEAD")).toBe(second);
    expect(git("rev-parse", "main")).toBe(second);
    expect(git("config", "remote.origin.url")).toBe(`${server.url}/app.git`);
    expect(git("log", "--format=%H")).toBe(second);
    expect(git("status", "--porcelain", "--ignore-submodules")).toBe("");
    expect((await files(`ADD ${server.url}/app.git?keep-git-dir=1&subdir=dir /`)).listing).toEqual(["a -rw-r--r--"]);
  });

  test("needs a token where one is asked for, and shows it nowhere", async () => {
    const token = "canary-git-9c11fe";
    const forms = formsOf(token, "x-access-token");
    server.authorization = `basic ${Buffer.from(`x-access-token:${token}`).toString("base64")}`;
    try {
      expect(await code(`ADD ${server.url}/app.git#main /closed`)).toBe("GIT_REFUSED");
      const flags = ["--secret", `id=GIT_AUTH_TOKEN.${new URL(server.url).host},env=TOKEN`, "--no-cache"];
      const { log, stderr } = { log: "", ...(await files(`ADD ${server.url}/app.git /open`, flags, { TOKEN: token })) };
      expect(findIn("log", [log, stderr], forms)).toEqual([]);
      expect(findBelow(bed.store, forms)).toEqual([]);
      server.authorization = `Basic ${Buffer.from(`me:${token}`).toString("base64")}`;
      const url = server.url.replace("//", `//me:${token}@`);
      const open = await files(`ADD --keep-git-dir=true ${url}/app.git#main /src`, ["--no-cache"]);
      expect(findIn("log", [open.stderr], formsOf(token, "me"))).toEqual([]);
      expect(findBelow(bed.store, formsOf(token, "me"))).toEqual([]);
      expect(findBelow(open.out, formsOf(token, "me"))).toEqual([]);
    } finally {
      server.authorization = undefined;
    }
  });

  test("takes a token to no address but the one it is for", async () => {
    const asked: string[] = [];
    const other = createHttpServer(({ url, headers }, answer) => {
      asked.push(`${url} ${headers.authorization ?? ""}`);
      answer.writeHead(404).end();
    });
    const one = createHttpServer(({ url }, answer) => {
      answer.writeHead(302, { location: `http://localhost:${portOf(other)}${url}` }).end();
    });
    for (const listening of [other, one]) await once(listening.listen(0, "127.0.0.1"), "listening");
    try {
      expect(await code(`ADD http://me:canary@127.0.0.1:${portOf(one)}/app.git /x`)).toBe("GIT_REFUSED");
      expect(asked).toEqual([]);
    } finally {
      for (const listening of [other, one]) listening.close();
    }
  });

  test("is reached by SSH with the agent of the build, and by no key of the user", async () => {
    const bin = bed.newDirectory("bin");
    const said = join(bed.directory, "ssh-said");
    // What ssh would run at the other end, here.
    writeFileSync(
      join(bin, "ssh"),
      `#!/bin/sh\necho "$SSH_AUTH_SOCK $*" >> ${said}\nfor last; do :; done\nexec env GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*' sh -c "$last"\n`,
      { mode: 0o755 },
    );
    const socket = join(bed.directory, "agent.sock");
    const agent = createServer().listen(socket);
    const path = `${server.work("app.git").replace(/\.work$/, "")}#v1`;
    const env = { PATH: `${bin}:${bed.env["PATH"]}`, SSH_AUTH_SOCK: socket };
    try {
      const { listing } = await files(`ADD ssh://git@example.test${path} /`, ["--ssh", "default", "--no-cache"], env);
      expect(listing).toEqual(["old -rw-r--r--"]);
      await files(`ADD git@example.test:${path} /scp`, ["--ssh", "default", "--no-cache"], env);
      const calls = readFileSync(said, "utf8").trim().split("\n");
      for (const call of calls) {
        expect(call).toContain(`${socket} -F /dev/null -o BatchMode=yes`);
        expect(call).toContain("git@example.test git-upload-pack");
      }
    } finally {
      agent.close();
    }
  });

  test("CVE-2026-44517: runs nothing of a repository, follows no link of it and goes to no other transport", async () => {
    server.run("evil.git", "init");
    server.commit("evil.git", {
      ".gitmodules": '[submodule "x"]\n\tpath = x\n\turl = file:///etc\n\tupdate = !touch /tmp/owned\n',
      ".gitattributes": "* filter=evil\n",
      file: "f\n",
    });
    symlinkSync("/etc", join(server.work("evil.git"), "out"));
    server.run("evil.git", "add", "-A");
    server.run("evil.git", "update-index", "--add", "--cacheinfo", `160000,${first},x`);
    server.commit("evil.git", {});
    expect(await code(`ADD ${server.url}/evil.git /`)).toBe("GIT_SUBMODULE");
    expect(await code(`ADD ${server.url}/evil.git?subdir=out&submodules=0 /`)).toBe("GIT_DIRECTORY");
    expect(await code(`ADD ${server.url}/evil.git?subdir=../../etc&submodules=0 /`)).toBe("GIT_DIRECTORY");
    const { listing } = await files(`ADD ${server.url}/evil.git?submodules=0 /`);
    expect(listing).toContain("out lrwxrwxrwx /etc");
    expect(await code(`ADD ${server.url}/app.git#nothing /`)).toBe("GIT_REF_NOT_FOUND");
    expect(await code(`ADD ${server.url}/none.git /`)).toBe("GIT_REFUSED");
    expect(await code(`ADD git@127.0.0.1:x/y.git /`)).toBe("SSH_MISSING");
  });
});

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

import { chmodSync, existsSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startBed, type Bed, type CliOptions } from "./bed/bed.ts";
import { runTool } from "./bed/process.ts";
import { missingForNamespaces, unprivilegedUser } from "./bed/user.ts";
import { build, failure } from "./support/build-log.ts";
import { findBelow, findIn, formsOf } from "./support/canaries.ts";
import { newContext } from "./support/context.ts";
import { FileServer } from "./support/file-server.ts";
import { GitServer } from "./support/git-server.ts";
import { configOf } from "./support/image.ts";

const missing = missingForNamespaces(unprivilegedUser());
if (missing !== undefined) console.warn(`tests of build contexts are skipped: ${missing}`);

const DOCKERFILE = "FROM scratch\nCOPY . /all/\n";
const COMMIT_TIME = 1_706_933_106;

describe.skipIf(missing !== undefined)("build contexts", () => {
  let bed: Bed;
  let server: FileServer;
  let git: GitServer;
  let count = 0;

  beforeAll(async () => {
    bed = await startBed();
    [server, git] = [await FileServer.start(), await GitServer.start()];
    git.run("app.git", "init");
    git.commit("app.git", {
      Dockerfile: `${DOCKERFILE}COPY sub /sub\n`,
      ".dockerignore": "kept\n",
      kept: "kept\n",
      "sub/Dockerfile": "FROM scratch\nCOPY a /only\n",
      "sub/a": "A\n",
    });
    git.run("app.git", "tag", "v1");
    git.push("app.git");
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await git[Symbol.asyncDispose]();
    await bed[Symbol.asyncDispose]();
  });

  /** A tar of `files`, packed by `flag`, on the server's disk and in the user's hands. */
  function tarOf(files: Readonly<Record<string, string>>, flag = "--gzip"): string {
    const directory = newContext(bed, files);
    symlinkSync("real/Dockerfile.linked", join(directory, "linked"));
    const path = join(bed.directory, `archive-${count++}`);
    runTool("tar", [flag, "-C", directory, "-cf", path, "."]);
    chmodSync(path, 0o644);
    return path;
  }

  const stdin = (path: string): CliOptions => ({ prefix: ["sh", "-c", `exec "$@" < ${path}`, "sh"] });

  async function files(
    flags: readonly string[],
    options?: CliOptions,
  ): Promise<{ out: string; names: readonly string[]; ran: number }> {
    const out = join(bed.directory, `out-${count++}`);
    const { closing } = await build(bed, ["-o", `type=local,dest=${out}`, ...flags], options);
    const names = runTool("find", [out, "-type", "f", "-printf", "%P\\n"]).trim().split("\n").sort();
    return { out, names, ran: closing.ran };
  }

  const refused = async (flags: readonly string[], options?: CliOptions): Promise<string> =>
    (await failure(bed, ["-o", "type=local,dest=never", ...flags], options)).code;

  function file(content: string): string {
    const path = join(bed.directory, `file-${count++}`);
    writeFileSync(path, content);
    return path;
  }

  test("a store in the context is no part of it, and leaves the cache alone", async () => {
    const directory = newContext(bed, { Dockerfile: DOCKERFILE, a: "A" });
    const root = ["--root", join(directory, ".cache/store")];
    expect((await files([...root, directory])).names).toEqual(["all/Dockerfile", "all/a"]);
    expect((await files([...root, directory])).ran).toBe(0);
    const named = newContext(bed, { Dockerfile: "FROM scratch\nCOPY --from=other . /\n" });
    expect((await files([...root, "--build-context", `other=${directory}`, named])).names).toEqual(["Dockerfile", "a"]);
  });

  test.each(["--gzip", "--zstd", "--no-auto-compress"])("an archive on standard input, %s", async (flag) => {
    const tar = tarOf({ Dockerfile: DOCKERFILE, a: "A", ".dockerignore": "a" }, flag);
    const first = await files(["-"], stdin(tar));
    expect(first.names).toEqual(["all/.dockerignore", "all/Dockerfile", "all/a"]);
    expect((await files(["-"], stdin(tar))).ran).toBe(0);
  });

  test("a Dockerfile of an archive is found by -f and through links", async () => {
    const tar = tarOf({ "real/Dockerfile.linked": "FROM scratch\nCOPY real/b /c\n", "real/b": "B" });
    expect((await files(["-f", "linked", "-"], stdin(tar))).names).toEqual(["c"]);
    expect((await files(["-f", file("FROM scratch\nCOPY real /r\n"), "-"], stdin(tar))).names).toContain("r/b");
    expect(await refused(["-"], stdin(tar))).toBe("DOCKERFILE_NOT_FOUND");
    expect(await refused(["-f", "-", "-"], stdin(tar))).toBe("USAGE_INVALID");
  });

  test("a Dockerfile on standard input has no files; with a directory it has the directory's", async () => {
    const dockerfile = file("FROM scratch\nCOPY <<x /x\nhello\nx\n");
    expect((await files(["-"], stdin(dockerfile))).names).toEqual(["x"]);
    expect(await refused(["-"], stdin(file("FROM scratch\nCOPY a /a\n")))).toBe("COPY_NOT_FOUND");
    expect(await refused(["-"], stdin("/dev/null"))).toBe("USAGE_INVALID");
    expect(await refused(["-f", "other", "-"], stdin(dockerfile))).toBe("USAGE_INVALID");
    const directory = newContext(bed, { a: "A", b: "B", ".dockerignore": "b", "x.dockerignore": "a" });
    expect((await files(["-f", "-", directory], stdin(file(DOCKERFILE)))).names).toEqual([
      "all/.dockerignore",
      "all/a",
      "all/x.dockerignore",
    ]);
    const outside = file(DOCKERFILE);
    writeFileSync(`${outside}.dockerignore`, "*\n!a\n");
    expect((await files(["-f", outside, directory])).names).toEqual(["all/a"]);
  });

  test("a repository: default branch, ref, directory, -f; without .dockerignore, as with docker", async () => {
    const { names } = await files([`${git.url}/app.git`]);
    expect(names).toEqual([
      ...["all/.dockerignore", "all/Dockerfile", "all/kept", "all/sub/Dockerfile", "all/sub/a"],
      ...["sub/Dockerfile", "sub/a"],
    ]);
    expect((await files([`${git.url}/app.git#v1:sub`])).names).toEqual(["only"]);
    expect(await refused(["-f", "sub/Dockerfile", `${git.url}/app.git`])).toBe("COPY_NOT_FOUND");
    git.asked.splice(0);
    expect((await files([`${git.url}/app.git#v1:sub`])).ran).toBe(0);
    expect(git.asked.length).toBeLessThanOrEqual(2);
    const kept = await files(["--build-arg", "BUILDKIT_CONTEXT_KEEP_GIT_DIR=1", `${git.url}/app.git`]);
    expect(kept.names).toContain("all/.git/HEAD");
    expect(await refused([`${git.url}/app.git#no`])).toBe("GIT_REF_NOT_FOUND");
    expect(await refused([`${git.url}/app.git?no=1`])).toBe("ADDRESS_INVALID");
  });

  test("a repository is pushed with the time of its commit, and its password is nowhere", async () => {
    const password = "canary-context-22ba";
    git.authorization = `Basic ${Buffer.from(`me:${password}`).toString("base64")}`;
    try {
      const flags = ["--push", "-t", `${bed.target.host}/app:1`, "--build-arg", "SOURCE_DATE_EPOCH=context"];
      const url = git.url.replace("//", `//me:${password}@`);
      const done = await bed.cli(["build", "--progress=rawjson", ...flags, `${url}/app.git`]);
      expect(done.exitCode).toBe(0);
      expect(findIn("log", [done.stderr, done.stdout], formsOf(password, "me"))).toEqual([]);
      expect(findBelow(bed.store, formsOf(password, "me"))).toEqual([]);
      const { created } = await configOf(bed.target, "app:1", "linux/amd64");
      expect(Date.parse(created) / 1000).toBe(COMMIT_TIME);
      server.serve("/dated", { body: "x", headers: { "last-modified": "Sun, 04 Feb 2024 00:00:00 GMT" } });
      const dockerfile = `FROM scratch AS when\nADD ${server.url}/dated /\nFROM scratch\nCOPY Dockerfile /\n`;
      const more = ["--push", "-t", `${bed.target.host}/dated:1`, "--build-arg", "SOURCE_DATE_EPOCH=when"];
      await build(bed, [...more, newContext(bed, { Dockerfile: dockerfile })]);
      expect((await configOf(bed.target, "dated:1", "linux/amd64")).created).toMatch(/^2024-02-04T00:00:00/);
    } finally {
      git.authorization = undefined;
    }
  });

  test("an archive and a Dockerfile at an address", async () => {
    server.serve("/context.tgz", readFileSync(tarOf({ Dockerfile: DOCKERFILE, a: "A" })));
    expect((await files([`${server.url}/context.tgz`])).names).toEqual(["all/Dockerfile", "all/a"]);
    expect((await files([`${server.url}/context.tgz`])).ran).toBe(0);
    expect(server.statuses("/context.tgz")).toEqual([200, 304]);
    server.serve("/plain", "FROM scratch\nCOPY context /d\n");
    expect((await files([`${server.url}/plain`])).names).toEqual(["d"]);
    const directory = newContext(bed, { a: "A" });
    server.serve("/other", DOCKERFILE);
    expect((await files(["-f", `${server.url}/other`, directory])).names).toEqual(["all/a"]);
    expect(await refused([`${server.url}/missing`])).toBe("FETCH_REFUSED");
  });

  test("named contexts: repositories, files, layouts and stages in place of images and stages", async () => {
    server.serve("/file", "F");
    const layout = join(bed.directory, "layout");
    const base = newContext(bed, { Dockerfile: "FROM scratch\nCOPY base /base\nENV FROM=layout\n", base: "B" });
    await build(bed, ["-t", "base:one", "-o", `type=oci,dest=${layout},tar=false`, base]);
    const directory = newContext(bed, {
      Dockerfile: [
        "FROM scratch AS made",
        "COPY Dockerfile /made",
        "FROM missing.example/base AS app",
        "COPY --from=repository /sub/a /a",
        "COPY --from=file context /context",
        "COPY --from=other /made /stage",
        "FROM repository AS whole",
        "COPY --from=app / /",
      ].join("\n"),
    });
    const contexts = Object.entries({
      "missing.example/base": `oci-layout://${layout}:one`,
      repository: `${git.url}/app.git#v1`,
      file: `${server.url}/file`,
      other: "target:made",
    }).flatMap(([name, value]) => ["--build-context", `${name}=${value}`]);
    const { names, out } = await files([...contexts, "--target", "app", directory]);
    expect(names).toEqual(["a", "base", "context", "stage"]);
    expect(readFileSync(join(out, "context"), "utf8")).toBe("F");
    expect((await files([...contexts, directory])).names).toContain("sub/a");
    const flags = ["--push", "-t", `${bed.target.host}/named:1`, ...contexts, "--target", "app", directory];
    await build(bed, flags);
    const { config } = await configOf(bed.target, "named:1", "linux/amd64");
    expect(config["Env"]).toContain("FROM=layout");
    expect(await refused(["--build-context", `x=oci-layout://${layout}:two`, base])).toBe("CONTEXT_LAYOUT");
    expect(await refused(["--build-context", "made=target:app", directory])).not.toBe("");
    expect(existsSync("never")).toBe(false);
  });
});

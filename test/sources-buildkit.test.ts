import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startBed, type Bed } from "./bed/bed.ts";
import { Buildkitd } from "./bed/buildkitd.ts";
import { runTool, runToolAsync } from "./bed/process.ts";
import { newContext } from "./support/context.ts";
import { FileServer } from "./support/file-server.ts";
import { GitServer } from "./support/git-server.ts";
import type { Config, Index, Manifest } from "./support/image.ts";

/** Of what is served as `/named`. */
const SUM = createHash("sha256").update("n").digest("hex");

/** What BuildKit makes of addresses and contexts, compared with ours. Minutes of building the daemon the first time. */
const enabled = Boolean(process.env["MANYARCH_TEST_ALL"]);

interface Case {
  readonly name: string;
  readonly dockerfile?: string;
  /** Of buildctl and of manyarch. */
  readonly theirs?: readonly string[];
  readonly ours?: readonly string[];
  /** Instead of a directory. */
  readonly context?: string;
}

describe.skipIf(!enabled)("files from elsewhere, with BuildKit", () => {
  let bed: Bed;
  let daemon: Buildkitd;
  let server: FileServer;
  let git: GitServer;
  let tag = "";
  let count = 0;

  beforeAll(async () => {
    bed = await startBed({ user: "current" });
    daemon = await Buildkitd.start(bed.mirror.host, [bed.target.host]);
    [server, git] = [await FileServer.start(), await GitServer.start()];
    const headers = { "last-modified": "Sat, 03 Feb 2024 04:05:06 GMT" };
    server.serve("/dir/a%20b.txt", { body: "text", headers });
    server.serve("/", "index");
    server.serve("/named", { body: "n", headers: { "content-disposition": "attachment; filename=other" } });
    const archive = newContext(bed, { Dockerfile: "FROM scratch\nCOPY . /all/\n", "d/x": "X", ".dockerignore": "d\n" });
    const tar = runTool("sh", ["-c", `tar -C ${archive} --owner=7 --group=8 -cz . | base64 -w0`]);
    server.serve("/x.tar.gz", Buffer.from(tar, "base64"));
    for (const [name, flag] of Object.entries({ plain: "", bz2: "-j", xz: "-J", zst: "--zstd" })) {
      const packed = runTool("sh", ["-c", `tar -C ${archive} --owner=7 --group=8 ${flag} -c . | base64 -w0`]);
      server.serve(`/packed.${name}`, Buffer.from(packed, "base64"));
    }
    server.serve("/Dockerfile", "FROM scratch\nCOPY context /it\n");
    git.run("inner.git", "init");
    const inner = git.commit("inner.git", { deep: "deep\n" });
    git.run("app.git", "init");
    git.commit("app.git", {
      Dockerfile: "FROM scratch\nCOPY . /all/\n",
      "sub/a": "A\n",
      "sub/Dockerfile": "FROM scratch\nCOPY a /only\n",
      ".gitattributes": "*.txt text eol=crlf\nout export-ignore\nid ident\n",
      "x.txt": "1\n2\n",
      out: "out\n",
      id: "$Id$\n",
      "run.sh": "#!/bin/sh\n",
      ".gitmodules": '[submodule "in"]\n\tpath = mod/in\n\turl = ../inner.git\n',
    });
    git.run("app.git", "update-index", "--chmod=+x", "run.sh");
    git.run("app.git", "update-index", "--add", "--cacheinfo", `160000,${inner},mod/in`);
    git.commit("app.git", {});
    git.run("app.git", "tag", "-a", "v1", "-m", "one");
    tag = git.push("app.git");
  });
  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
    await git[Symbol.asyncDispose]();
    await bed[Symbol.asyncDispose]();
  });

  /** Type, mode, owner, size, link and content of each file, and the history. */
  async function both({ dockerfile = "FROM scratch", context, ours = [], theirs = [] }: Case) {
    const directory = newContext(bed, { Dockerfile: filled(dockerfile), local: "l" });
    const [client = "", ...flags] = daemon.client;
    const [mine, other] = [join(bed.directory, `mine-${count}.tar`), join(bed.directory, `their-${count++}.tar`)];
    const local = [`--local=context=${directory}`, `--local=dockerfile=${directory}`];
    const place = context === undefined ? local : [`--opt=context=${filled(context)}`];
    const options = [
      "build",
      "--frontend=dockerfile.v0",
      ...place,
      ...theirs.map(filled),
      `--output=type=oci,dest=${other}`,
    ];
    const argv = ["-c", 'exec "$@" 2>&1', "sh", client, ...flags, ...options];
    const said = await runToolAsync("sh", argv, { env: daemon.env }).then(
      () => "built",
      (error: unknown) => String(error),
    );
    const done = await bed.cli([
      "build",
      `--output=type=oci,dest=${mine}`,
      ...ours.map(filled),
      context === undefined ? directory : filled(context),
    ]);
    return {
      ours: done.exitCode === 0 ? imageOf(mine) : `failed: ${done.stderr}`,
      theirs: said === "built" ? imageOf(other) : `failed: ${said}`,
    };
  }

  const filled = (text: string): string =>
    text
      .replaceAll("SUM", SUM)
      .replaceAll("HTTP", server.url)
      .replaceAll("GIT", `${git.url}/app.git`)
      .replaceAll("COMMIT", tag);

  /** What is in an image with a few layers, whatever each of them holds. */
  function imageOf(tar: string): unknown {
    const layout = join(bed.directory, `layout-${count}-${tar.includes("mine") ? "m" : "t"}`);
    runTool("mkdir", [layout]);
    runTool("tar", ["-C", layout, "-xf", tar]);
    const blob = (digest: string): string => join(layout, "blobs", digest.replace(":", "/"));
    const read = <T>(path: string): T => JSON.parse(readFileSync(path, "utf8")) as T;
    const index = read<Index>(join(layout, "index.json"));
    const manifest = read<Manifest>(blob(index.manifests[0]!.digest));
    const root = join(layout, "root");
    runTool("mkdir", [root]);
    for (const { digest } of manifest.layers) runTool("tar", ["-C", root, "--numeric-owner", "-xpf", blob(digest)]);
    const { history, config } = read<Config>(blob(manifest.config.digest));
    const format = "%P %y %m %U:%G %s %l\\n";
    const lines = runTool("find", [
      root,
      "-mindepth",
      "1",
      "(",
      "-name",
      ".git",
      "-prune",
      "-printf",
      "%P\\n",
      ")",
      "-o",
      "-printf",
      format,
    ]);
    const sums = runTool("sh", [
      "-c",
      `cd ${root} && find . -name .git -prune -o -type f -print0 | sort -z | xargs -0r sha256sum`,
    ]);
    return {
      files: lines
        .replaceAll(/^(\S+ d \S+ \S+) \d+/gm, "$1")
        .trim()
        .split("\n")
        .sort(),
      sums: sums.trim().split("\n"),
      history: history.map(({ created_by: text }) => text),
      workingDirectory: config["WorkingDir"],
    };
  }

  const CASES: readonly Case[] = [
    { name: "a file into a directory", dockerfile: "FROM scratch\nADD HTTP/dir/a%20b.txt /d/" },
    { name: "a file under a name", dockerfile: "FROM scratch\nADD HTTP/dir/a%20b.txt /d/n" },
    { name: "a file of the root", dockerfile: "FROM scratch\nADD HTTP/ /d/" },
    { name: "a file with another name", dockerfile: "FROM scratch\nADD HTTP/named /d/" },
    { name: "owner and mode", dockerfile: "FROM scratch\nADD --chown=3:4 --chmod=751 HTTP/named /d/" },
    { name: "symbolic mode and a link", dockerfile: "FROM scratch\nADD --link --chmod=a+rX HTTP/named /d/n" },
    { name: "several kinds", dockerfile: "FROM scratch\nADD HTTP/named local GIT?subdir=sub HTTP/dir/a%20b.txt /d/" },
    { name: "an archive kept", dockerfile: "FROM scratch\nADD HTTP/x.tar.gz /d/" },
    { name: "an archive unpacked", dockerfile: "FROM scratch\nADD --unpack=true HTTP/x.tar.gz /d/" },
    { name: "an archive unpacked with owner", dockerfile: "FROM scratch\nADD --unpack --chown=1:2 HTTP/x.tar.gz /d/" },
    { name: "a link of a file", dockerfile: "FROM busybox\nADD --link HTTP/named /bin/n" },
    { name: "a link of a repository", dockerfile: "FROM busybox\nADD --link --chown=9 GIT?submodules=0 /etc" },
    { name: "onto a directory that is there", dockerfile: "FROM busybox\nADD HTTP/named /etc" },
    {
      name: "through a link, and from the working directory",
      dockerfile:
        "FROM busybox\nRUN ln -s /etc /l\nWORKDIR /w\nADD HTTP/named /l/x\nADD HTTP/named rel/\nADD GIT?subdir=sub .",
    },
    { name: "variables", dockerfile: "ARG P=named\nFROM scratch\nARG P\nENV D=/d/\nADD HTTP/${P} $D" },
    { name: "with a heredoc", dockerfile: "FROM scratch\nADD HTTP/named <<in local /d/\nx\nin" },
    { name: "a repository over a file", dockerfile: "FROM busybox\nADD GIT /etc/passwd" },
    { name: "an exclusion of a file", dockerfile: "FROM scratch\nADD --exclude=named HTTP/named GIT?submodules=0 /d/" },
    { name: "a query and a fragment", dockerfile: "FROM scratch\nADD HTTP/named#part /d/" },
    { name: "COPY of an address", dockerfile: "FROM scratch\nCOPY HTTP/named /d/" },
    { name: "COPY of a repository", dockerfile: "FROM scratch\nCOPY GIT /d/" },
    { name: "a branch and a tag", dockerfile: "FROM scratch\nADD GIT?branch=main&tag=v1 /d/" },
    { name: "a directory that is none", dockerfile: "FROM scratch\nADD GIT?subdir=x.txt /d/" },
    { name: "a directory above", dockerfile: "FROM scratch\nADD GIT?subdir=../../sub /d/" },
    { name: "no such file", dockerfile: "FROM scratch\nADD HTTP/no /d/" },
    { name: "a repository", dockerfile: "FROM scratch\nADD GIT /src" },
    { name: "a repository without submodules", dockerfile: "FROM scratch\nADD GIT?submodules=false /src/" },
    { name: "a directory of it", dockerfile: "FROM scratch\nADD GIT#v1:sub /src" },
    { name: "a directory in a submodule", dockerfile: "FROM scratch\nADD GIT#v1:mod/in /src" },
    { name: "by commit", dockerfile: "FROM scratch\nADD --checksum=COMMIT GIT#main /src" },
    {
      name: "owner, mode and exclusion",
      dockerfile: "FROM scratch\nADD --chown=3:4 --chmod=700 --exclude=sub GIT?submodules=0 /s",
    },
    { name: "with .git", dockerfile: "FROM scratch\nADD --keep-git-dir=true GIT#main /src" },
    { name: "another commit", dockerfile: "FROM scratch\nADD --checksum=1234567 GIT#main /src" },
    { name: "no such ref", dockerfile: "FROM scratch\nADD GIT#no /src" },
    { name: "by a whole ref", dockerfile: "FROM scratch\nADD GIT?ref=refs/heads/main&submodules=false /src" },
    { name: "by a branch and a directory", dockerfile: "FROM scratch\nADD GIT?branch=main&subdir=sub /src" },
    { name: "by a tag", dockerfile: "FROM scratch\nADD GIT?tag=v1&submodules=0 /src" },
    { name: "by a tag that is a branch", dockerfile: "FROM scratch\nADD GIT?tag=main /src" },
    { name: "by a commit of the query", dockerfile: "FROM scratch\nADD GIT?commit=COMMIT&submodules=0 /src" },
    { name: "by a ref and its commit", dockerfile: "FROM scratch\nADD GIT?ref=main&commit=COMMIT&subdir=sub /src" },
    { name: "by another commit of the query", dockerfile: "FROM scratch\nADD GIT?ref=main&checksum=1234567 /src" },
    { name: "checksums that differ", dockerfile: "FROM scratch\nADD --checksum=1234567 GIT?checksum=COMMIT /src" },
    { name: "a ref in query and fragment", dockerfile: "FROM scratch\nADD GIT?ref=main#main /src" },
    { name: "a directory in query and fragment", dockerfile: "FROM scratch\nADD GIT?subdir=sub#main:sub /src" },
    { name: "a directory alone in the fragment", dockerfile: "FROM scratch\nADD GIT#:sub /src" },
    { name: "a directory with slashes", dockerfile: "FROM scratch\nADD GIT?subdir=/sub/ /src" },
    { name: "a key that nobody knows", dockerfile: "FROM scratch\nADD GIT?nonsense=1 /src" },
    { name: "a key without a value", dockerfile: "FROM scratch\nADD GIT?submodules&subdir=sub /src" },
    { name: "a key twice", dockerfile: "FROM scratch\nADD GIT?ref=main&ref=v1 /src" },
    { name: "an empty ref", dockerfile: "FROM scratch\nADD GIT?ref=&subdir=sub /src" },
    { name: "a value that is no boolean", dockerfile: "FROM scratch\nADD GIT?submodules=maybe /src" },
    {
      name: "keep-git-dir in two ways",
      dockerfile: "FROM scratch\nADD --keep-git-dir=false GIT?keep-git-dir=true /src",
    },
    { name: "a directory that is not there", dockerfile: "FROM scratch\nADD GIT?subdir=none /src" },
    ...["plain", "bz2", "xz", "zst"].map((packed) => ({
      name: `an archive unpacked, ${packed}`,
      dockerfile: `FROM scratch\nADD --unpack HTTP/packed.${packed} /d/`,
    })),
    ...["plain", "bz2", "xz"].map((packed) => ({
      name: `a context in an archive, ${packed}`,
      context: `HTTP/packed.${packed}`,
    })),
    { name: "no archive to be unpacked", dockerfile: "FROM scratch\nADD --unpack HTTP/named /d/" },
    { name: "a checksum of a file", dockerfile: "FROM scratch\nADD --checksum=sha256:SUM HTTP/named /d/" },
    { name: "a checksum of another file", dockerfile: "FROM scratch\nADD --checksum=sha256:SUM HTTP/ /d/" },
    { name: "a checksum that is none", dockerfile: "FROM scratch\nADD --checksum=md5:SUM HTTP/named /d/" },
    { name: "a checksum of two", dockerfile: "FROM scratch\nADD --checksum=sha256:SUM HTTP/named HTTP/ /d/" },
    { name: "a context in a branch", context: "GIT?branch=main&subdir=sub" },
    { name: "a context in no ref", context: "GIT#no" },
    {
      name: "a named archive",
      dockerfile: "FROM scratch\nCOPY --from=f /d /d\nCOPY --from=f Dockerfile /\n",
      theirs: ["--opt=context:f=HTTP/packed.xz"],
      ours: ["--build-context=f=HTTP/packed.xz"],
    },
    {
      name: "a repository as a base",
      dockerfile: "FROM r\nWORKDIR /sub\nCOPY local .\n",
      theirs: ["--opt=context:r=GIT#v1"],
      ours: ["--build-context=r=GIT#v1"],
    },
    { name: "a context in a repository", context: "GIT" },
    { name: "a context in a directory of it", context: "GIT#v1:sub" },
    { name: "a context in an archive", context: "HTTP/x.tar.gz" },
    { name: "a Dockerfile as a context", context: "HTTP/Dockerfile" },
    {
      name: "named contexts",
      dockerfile:
        "FROM scratch AS st\nCOPY local /from-stage\nFROM r\nCOPY --from=f context /c\nCOPY --from=r /sub /s\n",
      theirs: ["--opt=context:r=GIT#main", "--opt=context:f=HTTP/named"],
      ours: ["--build-context=r=GIT#main", "--build-context=f=HTTP/named"],
    },
    {
      name: "a mount of a repository",
      dockerfile: "FROM busybox\nRUN --mount=from=r,target=/m cp /m/x.txt /x && stat -c '%a %u' /m/run.sh > /y\n",
      theirs: ["--opt=context:r=GIT#main"],
      ours: ["--build-context=r=GIT#main"],
    },
  ];

  /** What docs/compatibility.md says of the difference: files of submodules that point at nothing, mount points. */
  const withoutAccepted = (image: unknown, { name }: Case): unknown => {
    if (typeof image === "string") return image;
    const { files, ...rest } = image as { readonly files: readonly string[] };
    const pointers = name === "with .git" ? /\/mod\/in\/\.git$/ : /(?:^|\/)\.git$/;
    return { ...rest, files: files.filter((line) => !pointers.test(line) && !/^(?:dev|proc|sys) d/.test(line)) };
  };

  test.each(CASES)("$name", async (one) => {
    const { ours, theirs } = await both(one);
    if (typeof theirs === "string") return expect(ours).toMatch(/^failed/);
    expect(withoutAccepted(ours, one)).toEqual(withoutAccepted(theirs, one));
  });
});

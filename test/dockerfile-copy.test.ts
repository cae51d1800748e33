import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startBed, type Bed } from "./bed/bed.ts";
import { build } from "./support/build-log.ts";
import { newContext, type Files } from "./support/context.ts";
import { Rootfs } from "./support/image.ts";
import { pushed } from "./support/push.ts";

let bed: Bed;
beforeAll(async () => {
  bed = await startBed();
});
afterAll(() => bed[Symbol.asyncDispose]());

describe("COPY", () => {
  const FILES = {
    "a.txt": "a",
    "b.txt": "b",
    "run.sh": { mode: 0o755, content: "#!/bin/sh\n" },
    "dir/one": "1",
    "dir/sub/two": "2",
    "dir/link": { link: "one" },
    "link-to-dir": { link: "dir" },
    private: { mode: 0o640, content: "p" },
  } as const satisfies Files;

  test("files, several, globs, directories' contents, into directories that are there or not", async () => {
    using image = await pushed(
      bed,
      `FROM scratch
COPY a.txt /renamed
COPY a.txt b.txt /several/
COPY *.txt /glob/
COPY dir /contents
COPY dir/ /contents2/
COPY a.txt /contents
COPY run.sh private ./
COPY d?r/o[mn]e /pattern/
`,
      FILES,
    );
    const found = Object.keys(image.root.files).toSorted();
    expect(found).toEqual(
      [
        "renamed",
        ...["several", "several/a.txt", "several/b.txt", "glob", "glob/a.txt", "glob/b.txt"],
        ...["contents", "contents/a.txt", "contents/link", "contents/one", "contents/sub", "contents/sub/two"],
        ...["contents2", "contents2/link", "contents2/one", "contents2/sub", "contents2/sub/two"],
        ...["run.sh", "private", "pattern", "pattern/one"],
      ].toSorted(),
    );
    expect(image.root.look("contents/link")).toBe("lrwxrwxrwx 0/0 -> one");
    expect(image.root.look("run.sh")).toBe("-rwxr-xr-x 0/0");
    expect(image.root.look("private")).toBe("-rw-r----- 0/0");
    expect(image.root.look("contents")).toBe("drwxr-xr-x 0/0");
  });

  test("--chown by number and name, --chmod; made directories belong to the owner too", async () => {
    using image = await pushed(
      bed,
      `FROM busybox
RUN echo 'app:x:1000:1001::/:/bin/sh' >> /etc/passwd && echo 'app:x:1001:' >> /etc/group && echo 'other:x:3000:' >> /etc/group
COPY --chown=12:34 a.txt /n/a
COPY --chown=12 a.txt /n/b
COPY --chown=app a.txt /n/c
COPY --chown=app:other a.txt /n/d
COPY --chmod=640 a.txt dir /m/
COPY --chown=app:app dir /owned/deep
`,
      FILES,
    );
    const { root } = image;
    expect(["n/a", "n/b", "n/c", "n/d"].map((path) => root.look(path)?.split(" ")[1])).toEqual([
      "12/34",
      "12/12",
      "1000/1001",
      "1000/3000",
    ]);
    expect(root.look("m/a.txt")).toBe("-rw-r----- 0/0");
    expect(root.look("m/sub/two")).toBe("-rw-r----- 0/0");
    expect(root.look("owned/deep/sub/two")).toBe("-rw-r--r-- 1000/1001");
    expect(root.look("owned")).toBe("drwxr-xr-x 1000/1001");
  });

  test("follows a symlink that is named, keeps those inside, and keeps within the context", async () => {
    using image = await pushed(bed, `FROM scratch\nCOPY link-to-dir /d\nCOPY dir/link /file\n`, FILES);
    expect(image.root.look("d/sub/two")).toBe("-rw-r--r-- 0/0");
    expect(image.root.look("d/link")).toBe("lrwxrwxrwx 0/0 -> one");
    expect(image.root.read("file")).toBe("1");
  });

  test("lands where symlinks of the image lead, inside of it", async () => {
    using image = await pushed(
      bed,
      `FROM busybox
RUN mkdir /real && ln -s real /rel && ln -s /real /abs && ln -s ../../../real /up
COPY a.txt /rel/
COPY b.txt /abs/b
COPY run.sh /up/
`,
      FILES,
    );
    for (const name of ["a.txt", "b", "run.sh"]) expect(image.root.look(`real/${name}`), name).toBeDefined();
    expect(image.root.look("rel")).toBe("lrwxrwxrwx 0/0 -> real");
    expect(image.root.look("abs")).toBe("lrwxrwxrwx 0/0 -> /real");
  });

  test("--from a stage by name in any case and by number, and from another image", async () => {
    using image = await pushed(
      bed,
      `FROM busybox AS Builder
RUN mkdir /out && echo made > /out/file && chown 5:6 /out/file && chmod 751 /out/file && ln /out/file /out/hard
FROM scratch
COPY --from=BUILDER /out/ /by-name/
COPY --from=0 out/file /by-number
COPY --from=alpine /etc/alpine-release /by-image
`,
    );
    expect(image.root.look("by-name/file")).toMatch(/^-rwxr-x--x (0\/0|5\/6)/);
    expect(image.root.read("by-number")).toBe("made\n");
    expect(image.root.read("by-image")).toBe("3.22.0\n");
  });

  test(".dockerignore: later lines win, `!` takes back", async () => {
    const ignore = "# comment\n**/*.log\nnode_modules\n*.md\n!README.md\ndeep/**\n!deep/keep\n";
    using image = await pushed(bed, `FROM scratch\nCOPY . /\n`, {
      ".dockerignore": ignore,
      "x.log": "",
      "src/y.log": "",
      "src/main": "",
      "node_modules/m/index.js": "",
      "src/node_modules/kept": "",
      "NOTES.md": "",
      "README.md": "",
      "deep/gone": "",
      "deep/keep": "",
    });
    const files = Object.entries(image.root.files).flatMap(([path, { mode }]) => (mode.startsWith("d") ? [] : [path]));
    const expected = [".dockerignore", "Dockerfile", "README.md", "deep/keep", "src/main", "src/node_modules/kept"];
    expect(files.toSorted()).toEqual(expected.toSorted());
  });

  test("Dockerfile.dockerignore beside the Dockerfile goes before .dockerignore", async () => {
    const files = { ".dockerignore": "a\n", "docker/App.Dockerfile.dockerignore": "b\ndocker\n", a: "", b: "" };
    const context = newContext(bed, { ...files, "docker/App.Dockerfile": "FROM scratch\nCOPY . /\n" });
    const name = "ignore-file:1";
    const file = `${context}/docker/App.Dockerfile`;
    await build(bed, ["--push", "-t", `${bed.target.host}/${name}`, "-f", file, context]);
    using root = await Rootfs.of(bed.target, name);
    expect(Object.keys(root.files).toSorted()).toEqual([".dockerignore", "a"]);
  });
});

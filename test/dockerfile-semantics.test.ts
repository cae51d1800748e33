import { hostname } from "node:os";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startBed, type Bed } from "./bed/bed.ts";
import { build, MACHINE } from "./support/build-log.ts";
import { newContext, type Files } from "./support/context.ts";
import { configOf, manifestOf, Rootfs } from "./support/image.ts";
import { pushed } from "./support/push.ts";

let bed: Bed;
beforeAll(async () => {
  bed = await startBed();
});
afterAll(() => bed[Symbol.asyncDispose]());

/** What a RUN prints. */
async function printed(dockerfile: string, flags: readonly string[] = [], files: Files = {}): Promise<string> {
  const built = await build(bed, [...flags, newContext(bed, { Dockerfile: dockerfile, ...files })]);
  return built.steps.map((step) => step.output).join("");
}

describe("ARG and ENV", () => {
  test("an ARG before FROM is for FROM; a stage that wants it declares it, and it ends with its stage", async () => {
    const output = await printed(
      `ARG BASE=busybox
ARG VERSION=1
FROM \${BASE} AS first
RUN echo "undeclared=[$VERSION]"
ARG VERSION
RUN echo "declared=[$VERSION]"
ARG VERSION=2
RUN echo "own default=[$VERSION]"
FROM first
RUN echo "next stage=[$VERSION]"
FROM scratch
`,
      ["--target=first"],
    );
    expect(output).toBe("undeclared=[]\ndeclared=[1]\nown default=[2]\n");
  });

  test("--build-arg wins over defaults; without a value it comes from the environment", async () => {
    const dockerfile = `FROM busybox\nARG A=a\nARG B=b\nARG C\nRUN echo "$A $B [$C]"\n`;
    const directory = newContext(bed, { Dockerfile: dockerfile });
    const built = await build(bed, ["--build-arg=A=1", "--build-arg", "B", directory], { env: { B: "from outside" } });
    expect(built.steps.at(-1)?.output).toBe("1 from outside []\n");
  });

  test("ENV wins over an ARG of its name, and a line's own names have their old values in it", async () => {
    using image = await pushed(
      bed,
      `FROM busybox
ARG NAME=arg
ENV NAME=env
ENV A=1
ENV A=2 B=$A
ENV LEGACY one two
RUN echo "$NAME $A $B $LEGACY" > /result
`,
    );
    expect(image.root.read("result")).toBe("env 2 1 one two\n");
    expect(image.config.config["Env"]).toEqual([
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      "NAME=env",
      "A=2",
      "B=1",
      "LEGACY=one two",
    ]);
  });

  test("an ARG is in the environment of RUNs and not in the image's", async () => {
    using image = await pushed(bed, `FROM busybox\nARG TOKEN=xyz\nRUN env > /env\n`);
    expect(image.root.read("env").split("\n")).toContain("TOKEN=xyz");
    expect(JSON.stringify(image.config.config)).not.toContain("TOKEN");
  });

  test("every automatic platform argument has its value, where it is declared", async () => {
    const [, arch = ""] = MACHINE.split("/");
    const names = ["OS", "ARCH", "VARIANT", "PLATFORM"].flatMap((name) => [`BUILD${name}`, `TARGET${name}`]);
    const dockerfile = `FROM --platform=$BUILDPLATFORM busybox
RUN echo "undeclared [$TARGETARCH]"
ARG ${[...names, "TARGETSTAGE"].join(" ")}
RUN echo "${names.map((name) => `$${name}`).join(" ")} [$TARGETSTAGE]"
`;
    const output = await printed(dockerfile, ["--platform=linux/arm/v7"]);
    expect(output).toBe(`undeclared []\nlinux linux ${arch} arm  v7 ${MACHINE} linux/arm/v7 [default]\n`);
    const named = await printed(`FROM busybox AS here\nARG TARGETSTAGE\nRUN echo $TARGETSTAGE\n`, ["--target=here"]);
    expect(named).toBe("here\n");
  });

  test("proxy arguments reach RUNs undeclared and stay out of keys, history and config", async () => {
    const dockerfile = `FROM busybox\nRUN echo "[$http_proxy] [$no_proxy]"\n`;
    const context = newContext(bed, { Dockerfile: dockerfile });
    const name = `${bed.target.host}/proxy:1`;
    const flags = ["--push", "-t", name, "--build-arg=no_proxy=*", context];
    const first = await build(bed, ["--build-arg=http_proxy=http://user:secret@127.0.0.1:9", ...flags]);
    expect(first.steps.at(-1)?.output).toBe("[http://user:secret@127.0.0.1:9] [*]\n");
    expect(JSON.stringify(await configOf(bed.target, "proxy:1"))).not.toMatch(/secret|no_proxy=/);
    const second = await build(bed, ["--build-arg=http_proxy=http://other", ...flags]);
    expect(second.closing.ran).toBe(0);
  });
});

describe("RUN", () => {
  test("shell form takes one string to /bin/sh -c, exec form takes words and no shell", async () => {
    const output = await printed(`FROM busybox
ENV WORD=expanded
RUN echo "shell $WORD" && echo two
RUN ["echo", "exec $WORD", "a  b"]
RUN echo continued \\
    # a comment between
    line
`);
    expect(output).toBe("shell expanded\ntwo\nexec $WORD a  b\ncontinued line\n");
  });

  test("a pipe fails by its last command, with pipefail by any", async () => {
    expect(await printed(`FROM busybox\nRUN false | echo survived\n`)).toBe("survived\n");
    const directory = newContext(bed, { Dockerfile: `FROM busybox\nRUN set -o pipefail; false | echo no\n` });
    expect(await bed.cli(["build", directory])).toMatchObject({ exitCode: 5 });
  });

  test("has no input, a root that it may write to, and its own hostname", async () => {
    const output = await printed(`FROM busybox
RUN cat; touch /ok && ls /ok; id -u; echo $$ $HOME; pwd; hostname
`);
    expect(output).toMatch(/^\/ok\n0\n1 \/root\n\/\n/);
    expect(output).not.toContain(hostname());
  });

  test("--network=none leaves the loopback device alone", async () => {
    const run = "RUN --network=none ip -o link | cut -d: -f2; ping -c1 -q 127.0.0.1 | grep -c '1 packets received'";
    const unreachable = `RUN --network=none ! nc -w 2 127.0.0.1 ${bed.mirror.port} < /dev/null 2> /dev/null`;
    expect(await printed(`FROM busybox\n${run}\n${unreachable}\n`)).toBe(" lo\n1\n");
  });

  test("the network of the machine is there without it", async () => {
    const url = `http://127.0.0.1:${bed.mirror.port}/v2/`;
    expect(await printed(`FROM busybox\nRUN wget -q -O - ${url} && echo\n`)).toBe("{}\n");
  });

  test("sees resolv.conf and hosts; no layer has them, nor anything else that was mounted", async () => {
    using image = await pushed(
      bed,
      `FROM busybox
RUN grep -c localhost /etc/hosts > /hosts && test -s /etc/resolv.conf && echo found > /resolv
`,
    );
    expect(Number(image.root.read("hosts"))).toBeGreaterThan(0);
    expect(image.root.read("resolv")).toBe("found\n");
    using layer = await Rootfs.ofLayer(bed.target, image.name, -1);
    expect(Object.keys(layer.files).toSorted()).toEqual(["hosts", "resolv"]);
  });

  test("removes files of the base and replaces directories", async () => {
    using image = await pushed(
      bed,
      `FROM busybox
RUN mkdir -p /d/sub && touch /d/old /d/sub/x && ln -s old /d/link
RUN rm /etc/shadow && rm -r /d && mkdir /d && touch /d/new && chown 7:8 /d/new && chmod 4755 /d/new
`,
    );
    expect(image.root.look("etc/shadow")).toBeUndefined();
    expect(image.root.look("d/new")).toBe("-rwsr-xr-x 7/8");
    expect(Object.keys(image.root.files).filter((path) => path.startsWith("d/"))).toEqual(["d/new"]);
    expect(image.root.look("etc/passwd")).toBe("-rw-r--r-- 0/0");
  });
});

describe("USER and WORKDIR", () => {
  const GROUPS = `FROM busybox
RUN echo 'app:x:1000:1001:App:/home/app:/bin/sh' >> /etc/passwd && printf 'app:x:1001:\\nextra:x:2000:app\\n' >> /etc/group
`;

  test("by name: its groups of /etc/group, its home", async () => {
    using image = await pushed(
      bed,
      `${GROUPS}USER app
RUN echo "$(id -u) $(id -g) $(id -G) $HOME" > /tmp/id
`,
    );
    expect(image.root.read("tmp/id")).toBe("1000 1001 1001 2000 /home/app\n");
    expect(image.root.look("tmp/id")).toBe("-rw-r--r-- 1000/1001");
    expect(image.config.config["User"]).toBe("app");
  });

  test.each([
    ["1000", "1000 1001 1001 2000"],
    ["1000:2000", "1000 2000 2000"],
    ["app:extra", "1000 2000 2000"],
    ["4242", "4242 0 0"],
    ["4242:4343", "4242 4343 4343"],
  ])("USER %s", async (user, ids) => {
    expect(await printed(`${GROUPS}USER ${user}\nRUN echo "$(id -u) $(id -g) $(id -G)"\n`)).toBe(`${ids}\n`);
  });

  test("an unknown name is told at its instruction", async () => {
    const directory = newContext(bed, { Dockerfile: `FROM busybox\nUSER ghost\nRUN true\n` });
    const done = await bed.cli(["build", directory]);
    expect(done.exitCode).not.toBe(0);
    expect(done.stderr).toContain("ghost");
  });

  // As BuildKit: WORKDIR makes its directory as root, whoever USER is.
  test("WORKDIR is made, relative to the last one, owned as BuildKit owns it; RUN starts there", async () => {
    using image = await pushed(
      bed,
      `FROM busybox
ENV DIR=inner
WORKDIR /work
WORKDIR $DIR/deep
RUN pwd > where
USER 1000:1000
WORKDIR /mine
`,
    );
    expect(image.root.read("work/inner/deep/where")).toBe("/work/inner/deep\n");
    expect(image.root.look("work/inner")).toBe("drwxr-xr-x 0/0");
    expect(image.config.config["WorkingDir"]).toBe("/mine");
    expect(image.root.look("mine")).toBe("drwxr-xr-x 1000/1000");
  });
});

describe("the config", () => {
  test("EXPOSE, LABEL, VOLUME, STOPSIGNAL, ENTRYPOINT, CMD, USER in the image and in its history", async () => {
    using image = await pushed(
      bed,
      `FROM busybox
ARG PORT=8080
EXPOSE $PORT 53/udp 443/tcp
LABEL a="one two" b=2
LABEL a=three
VOLUME /data /logs
VOLUME ["/json", "/more"]
STOPSIGNAL SIGQUIT
USER nobody
CMD echo hi
ENTRYPOINT ["/bin/entry", "-x"]
CMD ["arg"]
`,
      {},
      ["--label=c=from the command line", "--label", "b=wins"],
    );
    expect(image.config.config).toMatchObject({
      ExposedPorts: { "8080/tcp": {}, "53/udp": {}, "443/tcp": {} },
      Labels: { a: "three", b: "wins", c: "from the command line" },
      Volumes: { "/data": {}, "/logs": {}, "/json": {}, "/more": {} },
      StopSignal: "SIGQUIT",
      User: "nobody",
      Entrypoint: ["/bin/entry", "-x"],
      Cmd: ["arg"],
    });
    const { history, rootfs } = image.config;
    expect(history.filter((entry) => entry.empty_layer !== true)).toHaveLength(rootfs.diff_ids.length);
    expect(history.map((entry) => entry.created_by)).toContain('ENTRYPOINT ["/bin/entry" "-x"]');
  });

  test("shell forms of CMD and ENTRYPOINT are for /bin/sh -c; ENTRYPOINT takes away the base's CMD", async () => {
    using shell = await pushed(bed, `FROM busybox\nENTRYPOINT exec top -b\n`);
    expect(shell.config.config).toMatchObject({ Entrypoint: ["/bin/sh", "-c", "exec top -b"] });
    expect(shell.config.config["Cmd"]).toBeUndefined();
    using inherited = await pushed(bed, `FROM busybox\nENV A=1\n`);
    expect(inherited.config.config).toMatchObject({ Cmd: ["sh"] });
  });
});

describe("stages", () => {
  test("only those that are needed run", async () => {
    const dockerfile = `FROM busybox AS unused
RUN exit 1
FROM busybox AS base
RUN echo base > /base
FROM base AS left
RUN echo left > /left
FROM base AS right
RUN echo right > /right
FROM scratch
COPY --from=left /left /base /
`;
    using image = await pushed(bed, dockerfile);
    expect(Object.keys(image.root.files).toSorted()).toEqual(["base", "left"]);
    expect(image.built.steps.map((step) => step.text).join("\n")).not.toMatch(/right|exit 1/);
    using other = await pushed(bed, dockerfile, {}, ["--target=RIGHT"]);
    expect(other.root.read("right")).toBe("right\n");
  });

  test("FROM a stage takes its files and its config", async () => {
    using image = await pushed(
      bed,
      `FROM busybox AS one
ENV FROM_ONE=1
WORKDIR /w
RUN echo x > file
FROM one
RUN echo "$FROM_ONE $(cat file)" > seen
`,
    );
    expect(image.root.read("w/seen")).toBe("1 x\n");
  });

  test("scratch has nothing but what was put there", async () => {
    using image = await pushed(bed, `FROM scratch\nCOPY Dockerfile /only\nCMD ["/only"]\n`);
    expect(Object.keys(image.root.files)).toEqual(["only"]);
    // ArgsEscaped is what BuildKit writes beside every Cmd.
    expect(image.config.config).toEqual({
      ArgsEscaped: true,
      Cmd: ["/only"],
      Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
      WorkingDir: "/",
    });
    expect(image.config.rootfs.diff_ids).toHaveLength(1);
    expect((await manifestOf(bed.target, image.name)).layers).toHaveLength(1);
  });
});

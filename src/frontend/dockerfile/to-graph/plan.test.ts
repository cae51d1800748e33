import { describe, expect, test } from "vitest";
import { describeHistory, describeSteps, Images, plan } from "./plan-fixture.ts";

const GO_APP = `ARG GO=1.24
FROM --platform=$BUILDPLATFORM golang:$GO AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG TARGETOS TARGETARCH
RUN GOOS=$TARGETOS GOARCH=$TARGETARCH go build -o /app .
FROM gcr.io/distroless/static:nonroot
COPY --from=build --chmod=755 /app /app
EXPOSE 8080
ENTRYPOINT ["/app"]
`;

describe("stages and platforms", () => {
  test("a stage of the build platform is shared until it asks for the target", async () => {
    const result = await plan(GO_APP, { platforms: ["linux/amd64", "linux/arm64"] });
    expect(describeSteps(result)).toMatchInlineSnapshot(`
      "
      1: image golang:1.24 linux/amd64 [build 1/6 linux/amd64, build 1/6 linux/arm64]
      2: mkdir 1 /src [build 2/6 linux/amd64, build 2/6 linux/arm64]
      3: context /src [context linux/amd64, context linux/arm64]
      4: copy 2<3 go.mod go.sum -> /src into [build 3/6 linux/amd64, build 3/6 linux/arm64]
      5: run 4 ["/bin/sh","-c","go mod download"] env=PATH=/bin cwd=/src user= host linux/amd64 [build 4/6 linux/amd64, build 4/6 linux/arm64]
      6: copy 5<3 . -> /src into [build 5/6 linux/amd64, build 5/6 linux/arm64]
      7: run 6 ["/bin/sh","-c","GOOS=$TARGETOS GOARCH=$TARGETARCH go build -o /app ."] env=PATH=/bin,TARGETOS=linux,TARGETARCH=amd64 cwd=/src user= host linux/amd64 [build 6/6 linux/amd64]
      8: image gcr.io/distroless/static:nonroot linux/amd64 [stage-1 1/2 linux/amd64]
      9: copy 8<7 app -> /app mode=755 [stage-1 2/2 linux/amd64]
      10: run 6 ["/bin/sh","-c","GOOS=$TARGETOS GOARCH=$TARGETARCH go build -o /app ."] env=PATH=/bin,TARGETOS=linux,TARGETARCH=arm64 cwd=/src user= host linux/amd64 [build 6/6 linux/arm64]
      11: image gcr.io/distroless/static:nonroot linux/arm64 [stage-1 1/2 linux/arm64]
      12: copy 11<10 app -> /app mode=755 [stage-1 2/2 linux/arm64]
      "
    `);
  });

  test("steps are the same at any order of platforms", async () => {
    const [one, other] = await Promise.all([
      plan(GO_APP, { platforms: ["linux/amd64", "linux/arm/v7"] }),
      plan(GO_APP, { platforms: ["linux/arm/v7", "linux/amd64"] }),
    ]);
    expect([...one.graph.steps.keys()].sort()).toEqual([...other.graph.steps.keys()].sort());
    expect(one.targets.map(({ root }) => root)).toEqual(other.targets.map(({ root }) => root).reverse());
  });

  test("only what the target needs is resolved, once for each platform", async () => {
    const images = new Images();
    const text =
      "FROM missing AS unused\nFROM a AS one\nFROM a AS two\nCOPY --from=b /x /x\nFROM one\nCOPY --from=TWO /y /y\n";
    await plan(text, { images, platforms: ["linux/amd64", "linux/arm64"] });
    expect(images.asked.sort()).toEqual([
      "a:latest linux/amd64",
      "a:latest linux/arm64",
      "b:latest linux/amd64",
      "b:latest linux/arm64",
    ]);
  });

  test("what only an unused stage needs is not resolved", async () => {
    const images = new Images();
    await plan("FROM missing AS m\nFROM a AS unused\nCOPY --from=m x y\nFROM b\n", { images });
    expect(images.asked).toEqual(["b:latest linux/amd64"]);
  });

  test("a build arg counts more than the default of a global ARG", async () => {
    const images = new Images();
    await plan("ARG V=1\nARG T=$V-x\nFROM a:$T\n", { images, buildArgs: { V: "2" } });
    expect(images.asked).toEqual(["a:2-x linux/amd64"]);
  });

  test("--target ends at a stage, in any case", async () => {
    const result = await plan("FROM a AS One\nRUN x\nFROM missing\n", { target: "ONE" });
    expect(describeSteps(result)).toMatchInlineSnapshot(`
      "
      1: image a:latest linux/amd64 [one 1/2 linux/amd64]
      2: run 1 ["/bin/sh","-c","x"] env=PATH=/bin cwd=/ user= host linux/amd64 [one 2/2 linux/amd64]
      "
    `);
  });

  test("a stage on a stage goes on where it ended", async () => {
    const result = await plan(
      'FROM scratch AS Base\nENV A=1\nWORKDIR /w\nCMD ["x"]\nFROM base\nCOPY a b\nENTRYPOINT ["y"]\n',
    );
    expect(describeSteps(result)).toMatchInlineSnapshot(`
      "
      1: scratch [image linux/amd64]
      2: mkdir 1 /w [base 1/1 linux/amd64]
      3: context /src [context linux/amd64]
      4: copy 2<3 a -> /w/b [stage-1 1/1 linux/amd64]
      "
    `);
    expect(describeHistory(result)).toMatchInlineSnapshot(`
      "
        ENV A=1
      + WORKDIR /w
        CMD ["x"]
      + COPY a b # buildkit
        ENTRYPOINT ["y"]
      "
    `);
    expect(result.targets[0]!.config).toEqual({
      os: "linux",
      architecture: "amd64",
      config: {
        Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "A=1"],
        WorkingDir: "/w",
        ArgsEscaped: true,
        Cmd: undefined,
        Entrypoint: ["y"],
      },
    });
  });

  test("platform args choose a stage", async () => {
    const text = "FROM a AS base-amd64\nFROM b AS base-arm64\nFROM base-$TARGETARCH\nRUN x\n";
    const images = new Images();
    await plan(text, { images, platforms: ["linux/amd64", "linux/arm64"] });
    expect(images.asked.sort()).toEqual(["a:latest linux/amd64", "b:latest linux/arm64"]);
  });
});

describe("variables", () => {
  test("automatic platform args are set where they are declared", async () => {
    const names =
      "BUILDPLATFORM BUILDOS BUILDARCH BUILDVARIANT TARGETPLATFORM TARGETOS TARGETARCH TARGETVARIANT TARGETSTAGE";
    const result = await plan(`FROM a AS final\nRUN before\nARG ${names}\nRUN after\n`, {
      platforms: ["linux/arm/v7"],
    });
    expect(describeSteps(result)).toMatchInlineSnapshot(`
      "
      1: image a:latest linux/arm/v7 [1/3 linux/arm/v7]
      2: run 1 ["/bin/sh","-c","before"] env=PATH=/bin cwd=/ user= host linux/arm/v7 [2/3 linux/arm/v7]
      3: run 2 ["/bin/sh","-c","after"] env=PATH=/bin,BUILDPLATFORM=linux/amd64,BUILDOS=linux,BUILDARCH=amd64,BUILDVARIANT=,TARGETPLATFORM=linux/arm/v7,TARGETOS=linux,TARGETARCH=arm,TARGETVARIANT=v7,TARGETSTAGE=final cwd=/ user= host linux/arm/v7 [3/3 linux/arm/v7]
      "
    `);
  });

  test("ARG: the command line, the default, the global; a child stage inherits", async () => {
    const text = `ARG G=global
ARG U
FROM a AS one
ARG A=default B=\${A}-b G U C=c
RUN x
FROM one
ENV C=env
RUN y
`;
    const result = await plan(text, { buildArgs: { C: "line" } });
    expect(describeHistory(result)).toMatchInlineSnapshot(`
      "
        ARG A=default B=default-b G=global U C=line
      + RUN |5 A=default B=default-b G=global U= C=line /bin/sh -c x # buildkit
        ENV C=env
      + RUN |5 A=default B=default-b G=global U= C=env /bin/sh -c y # buildkit
      "
    `);
    expect(describeSteps(result)).toMatchInlineSnapshot(`
      "
      1: image a:latest linux/amd64 [one 1/2 linux/amd64]
      2: run 1 ["/bin/sh","-c","x"] env=PATH=/bin,A=default,B=default-b,G=global,C=line cwd=/ user= host linux/amd64 [one 2/2 linux/amd64]
      3: run 2 ["/bin/sh","-c","y"] env=A=default,B=default-b,G=global,PATH=/bin,C=env cwd=/ user= host linux/amd64 [stage-1 1/1 linux/amd64]
      "
    `);
  });

  test("ENV: a line sees what was set before it, a variable keeps its place", async () => {
    const result = await plan("FROM a\nENV A=1 B=2\nENV A=x B=$A C=\"y z\" D='$A'\nENV E value of $A\n");
    expect(result.targets[0]!.config.config.Env).toEqual(["PATH=/bin", "A=x", "B=1", "C=y z", "D=$A", "E=value of x"]);
  });

  test("proxy settings reach RUN and nothing else", async () => {
    const result = await plan("FROM a\nRUN x\n", {
      buildArgs: { http_proxy: "http://p", HTTP_PROXY: "http://q", NO_PROXY: "" },
    });
    const run = [...result.graph.steps.values()].find((step) => step.kind === "run");
    expect(run?.hiddenEnv).toEqual(["HTTP_PROXY=http://p", "http_proxy=http://p"]);
    expect(run?.env).toEqual(["PATH=/bin"]);
    expect(describeHistory(result)).not.toContain("http://p");
  });

  test("a password of an address is in no history and no label", async () => {
    const result = await plan(
      "FROM a\nARG P=pw\nADD https://me:secret@h.test/x git+ /d/\nADD https://me:$P@h.test/x.git /e\n",
    );
    const labels = [...result.graph.labels.values()].flat().map(({ text }) => text);
    expect(`${describeHistory(result)}${labels.join()}`).toContain("https://xxxxx:xxxxx@h.test/x");
    expect(`${describeHistory(result)}${labels.join()}`).not.toMatch(/secret|me:pw/);
  });

  test("the name of the machine is one", async () => {
    const hostname = (name: string): Promise<unknown> =>
      plan("FROM a\nRUN x\n", { buildArgs: { BUILDKIT_SANDBOX_HOSTNAME: name } });
    await expect(hostname("a b")).rejects.toMatchObject({ code: "DOCKERFILE_HOSTNAME" });
    await expect(hostname("a\n1.2.3.4 b")).rejects.toMatchObject({ code: "DOCKERFILE_HOSTNAME" });
    await expect(hostname("builder-1.test")).resolves.toBeDefined();
  });

  test("what a stage tells scanners is no variable of its commands", async () => {
    const result = await plan("FROM a\nARG BUILDKIT_SBOM_SCAN_STAGE=true\nENV X=$BUILDKIT_SBOM_SCAN_STAGE\nRUN x\n");
    const run = [...result.graph.steps.values()].find((step) => step.kind === "run");
    expect(run?.env).toEqual(["PATH=/bin", "X="]);
  });

  test("SOURCE_DATE_EPOCH is a build arg for stages, and can be a global ARG", async () => {
    const declared = await plan("FROM a\nARG SOURCE_DATE_EPOCH\nRUN x\n", { sourceDateEpoch: 7 });
    expect([declared.sourceDateEpoch, describeHistory(declared).includes("SOURCE_DATE_EPOCH=7")]).toEqual([7, true]);
    expect((await plan("ARG SOURCE_DATE_EPOCH=5\nFROM a\n")).sourceDateEpoch).toBe(5);
    expect((await plan("FROM a\n")).sourceDateEpoch).toBeUndefined();
  });

  test("names that are not set are noted, once for all platforms", async () => {
    const text = "ARG D\nFROM a$SUFFIX$D\nARG NAME=x UNSET\nCOPY $NMAE ${OTHER:-y} $UNSET /dst/\n";
    const { notes } = await plan(text, { platforms: ["linux/amd64", "linux/arm64"] });
    expect(
      notes.map(({ code, message, source: { start, end } }) => [code, message, start.line, start.column, end.column]),
    ).toMatchInlineSnapshot(`
      [
        [
          "UndefinedArgInFrom",
          "FROM argument 'SUFFIX' is not declared",
          2,
          7,
          14,
        ],
        [
          "UndefinedVar",
          "Usage of undefined variable '$NMAE' (did you mean $NAME?)",
          4,
          6,
          11,
        ],
        [
          "UndefinedVar",
          "Usage of undefined variable '$OTHER'",
          4,
          12,
          23,
        ],
      ]
    `);
  });
});

describe("files", () => {
  test("where COPY copies to", async () => {
    const lines = [
      "a /b",
      "a /b/",
      "a b c",
      "a .",
      "a ./",
      "a b/.",
      ". .",
      "/x/ ../y",
      "../a /x/../../z",
      '["a b", "c d"]',
      "$S/* $D/",
      "a ..",
    ];
    const text = `FROM scratch\nENV S=src D=/dst\nWORKDIR /w\n${lines.map((line) => `COPY ${line}\n`).join("")}`;
    expect(describeSteps(await plan(text))).toMatchInlineSnapshot(`
      "
      1: scratch [image linux/amd64]
      2: mkdir 1 /w [1/13 linux/amd64]
      3: context /src [context linux/amd64]
      4: copy 2<3 a -> /b [2/13 linux/amd64]
      5: copy 4<3 a -> /b into [3/13 linux/amd64]
      6: copy 5<3 a b -> /w/c into [4/13 linux/amd64]
      7: copy 6<3 a -> /w into [5/13 linux/amd64]
      8: copy 7<3 a -> /w into [6/13 linux/amd64]
      9: copy 8<3 a -> /w/b into [7/13 linux/amd64]
      10: copy 9<3 . -> /w into [8/13 linux/amd64]
      11: copy 10<3 x -> /y [9/13 linux/amd64]
      12: copy 11<3 a -> /z [10/13 linux/amd64]
      13: copy 12<3 a b -> /w/c d [11/13 linux/amd64]
      14: copy 13<3 src/* -> /dst into [12/13 linux/amd64]
      15: copy 14<3 a -> / into [13/13 linux/amd64]
      "
    `);
  });

  test("owners that need no look-up are numbers", async () => {
    const owners = ["root", "root:root", ":grp", "me:", "me:root", "me"];
    const result = await plan(`FROM a\n${owners.map((owner) => `COPY --chown=${owner} a /\n`).join("")}`);
    const found = [...result.graph.steps.values()].map((step) => (step.kind === "copy" ? step.owner : undefined));
    expect(found.filter(Boolean)).toEqual(["0", "0:0", "0:grp", "me:0", "me:0", "me"]);
  });

  test("--chown and --chmod are expanded", async () => {
    const result = await plan("FROM a\nARG U=me M=0640\nCOPY --chown=$U:grp --chmod=$M a /b\n");
    expect(describeSteps(result)).toContain("owner=me:grp mode=640");
    expect(describeHistory(result)).toContain("+ COPY --chown=me:grp --chmod=0640 a /b # buildkit");
  });

  test("WORKDIR joins, belongs to the user, and makes no layer at the root", async () => {
    const result = await plan("FROM scratch\nWORKDIR /\nWORKDIR a\nUSER me\nWORKDIR b/../c\nWORKDIR /d/\nRUN x\n");
    expect(describeSteps(result)).toMatchInlineSnapshot(`
      "
      1: scratch [image linux/amd64]
      2: mkdir 1 /a [1/4 linux/amd64]
      3: mkdir 2 /a/c owner=me [2/4 linux/amd64]
      4: mkdir 3 /d owner=me [3/4 linux/amd64]
      5: run 4 ["/bin/sh","-c","x"] env=PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin cwd=/d user=me host linux/amd64 [4/4 linux/amd64]
      "
    `);
    expect(describeHistory(result)).toMatchInlineSnapshot(`
      "
        WORKDIR /
      + WORKDIR /a
        USER me
      + WORKDIR /a/c
      + WORKDIR /d/
      + RUN /bin/sh -c x # buildkit
      "
    `);
    expect(result.targets[0]!.config.config.WorkingDir).toBe("/d/");
  });
});

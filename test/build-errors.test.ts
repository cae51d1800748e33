import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startBed, type Bed } from "./bed/bed.ts";
import { failure } from "./support/build-log.ts";
import { errorOf, expectError } from "./support/error.ts";

/** What a user sees who typed something wrong: the whole error, with its exit code. */
let bed: Bed;
beforeAll(async () => {
  bed = await startBed();
});
afterAll(() => bed[Symbol.asyncDispose]());

describe("the Dockerfile", () => {
  test("an unknown instruction", async () => {
    (await expectError(bed, "FROM busybox\n\nRUM echo hi\nCMD sh\n")).toMatchInlineSnapshot(`
      "exit code 3
      error[DOCKERFILE_UNKNOWN_INSTRUCTION]: unknown instruction RUM
        --> Dockerfile:3
      1   | FROM busybox
      2   |
      3 > | RUM echo hi
          | ^^^
      4   | CMD sh
      help: Did you mean RUN?
      "
    `);
  });

  // It might be an image, which a registry of this or that network answers about in its own way.
  test("an unknown stage in COPY --from", async () => {
    const dockerfile = "FROM busybox AS builder\nFROM scratch\nCOPY --from=biulder /a /a\n";
    const { code, exitCode, text } = await errorOf(bed, dockerfile);
    expect({ code, exitCode }).toEqual({ code: "DOCKERFILE_UNKNOWN_STAGE", exitCode: 3 });
    expect(text).toContain("biulder is no stage before this line");
    expect(text).toContain("3 > | COPY --from=biulder /a /a");
    expect(text).toContain("help: Did you mean builder? The stages are builder.");
  });

  test("an unknown --target", async () => {
    (await expectError(bed, "FROM busybox AS build\n", { flags: ["--target=bild"] })).toMatchInlineSnapshot(`
      "exit code 3
      error[DOCKERFILE_TARGET_NOT_FOUND]: no stage is named "bild"
      help: Did you mean build? The stages are build.
      "
    `);
  });

  test("an instruction that is not supported yet is refused by name", async () => {
    (await expectError(bed, "FROM busybox\nRUN --device=gpu true\n")).toMatchInlineSnapshot(`
      "exit code 3
      error[DOCKERFILE_UNSUPPORTED]: RUN --device is not supported yet
        --> Dockerfile:2:5
      1   | FROM busybox
      2 > | RUN --device=gpu true
          |     ^^^^^^^^^^^^
      help: Leave it out.
      "
    `);
  });

  test("an ARG used in FROM before it is declared", async () => {
    (await expectError(bed, "FROM busybox:${VERSION}\nARG VERSION=1\n")).toMatchInlineSnapshot(`
      "exit code 3
      error[DOCKERFILE_UNDEFINED_ARG]: FROM uses VERSION, which is not declared before the first FROM: busybox:\${VERSION} is "busybox:"
        --> Dockerfile:1:14
      1 > | FROM busybox:\${VERSION}
          |              ^^^^^^^^^^
      2   | ARG VERSION=1
      help: Write ARG VERSION=VALUE above the first FROM; ARGs inside a stage do not count here.
      "
    `);
  });

  test("a user that the image does not know", async () => {
    (await expectError(bed, "FROM busybox\nUSER ghost\nRUN true\n")).toMatchInlineSnapshot(`
      "exit code 3
      error[OWNER_UNKNOWN]: user "ghost" is not in /etc/passwd of the image
        --> Dockerfile:3
      1   | FROM busybox
      2   | USER ghost
      3 > | RUN true
      help: It has root, nobody; make it in an earlier RUN or write the number.
      "
    `);
  });

  test("nothing in it", async () => {
    (await expectError(bed, "# only a comment\n")).toMatchInlineSnapshot(`
      "exit code 3
      error[DOCKERFILE_EMPTY]: Dockerfile holds no instruction
        --> Dockerfile:1
      1 > | # only a comment
      help: Begin it with FROM IMAGE.
      "
    `);
  });

  test("none there", async () => {
    (await expectError(bed, undefined, { files: { "Dockerfile.dev": "FROM scratch\n" } })).toMatchInlineSnapshot(`
      "exit code 3
      error[DOCKERFILE_NOT_FOUND]: no Dockerfile in CONTEXT: it holds Dockerfile.dev
      help: Did you mean -f CONTEXT/Dockerfile.dev?
      "
    `);
  });

  test("a -f that is not there", async () => {
    (await expectError(bed, "FROM scratch\n", { flags: ["-f", "Dockerfile.prod"] })).toMatchInlineSnapshot(`
      "exit code 3
      error[DOCKERFILE_NOT_FOUND]: no Dockerfile.prod in CONTEXT: it holds Dockerfile
      help: Did you mean -f CONTEXT/Dockerfile?
      "
    `);
  });
});

describe("the build context", () => {
  test("a COPY source that is not there, and what is like it", async () => {
    const files = { "main.go": "", "go.mod": "" };
    (await expectError(bed, "FROM busybox\nCOPY main.og /\n", { files })).toMatchInlineSnapshot(`
      "exit code 4
      error[COPY_NOT_FOUND]: "/main.og": not found
        --> Dockerfile:2
      1   | FROM busybox
      2 > | COPY main.og /
      help: Did you mean "/main.go"?
      "
    `);
  });

  test("a COPY source that is not there is found before what comes before it has run", async () => {
    const run = `RUN echo ${Math.random()} ran`;
    const dockerfile = `FROM busybox AS build\n${run}\nFROM busybox\nCOPY --from=build /bin/sh /sh\n${run}\nCOPY missing /\nRUN true\n`;
    const { text, log } = await errorOf(bed, dockerfile);
    expect(text).toContain('error[COPY_NOT_FOUND]: "/missing": not found\n  --> Dockerfile:6');
    expect(log).not.toMatch(/DONE|^#.* ran$/m);
  });

  test("a COPY source that .dockerignore leaves out", async () => {
    const files = { ".dockerignore": "*.env\n", "app.env": "" };
    (await expectError(bed, "FROM busybox\nCOPY app.env /\n", { files })).toMatchInlineSnapshot(`
      "exit code 4
      error[COPY_NOT_FOUND]: "/app.env": not found: it is excluded by .dockerignore
        --> Dockerfile:2
      1   | FROM busybox
      2 > | COPY app.env /
      help: Add "!app.env" as a last line to .dockerignore, or take out the pattern that excludes it.
      "
    `);
  });

  test("a COPY source that another stage does not have", async () => {
    const dockerfile =
      "FROM busybox AS build\nRUN mkdir /out && touch /out/app\nFROM scratch\nCOPY --from=build /out/ap /\n";
    (await expectError(bed, dockerfile)).toMatchInlineSnapshot(`
      "exit code 4
      error[COPY_NOT_FOUND]: "/out/ap": not found
        --> Dockerfile:4
      2   | RUN mkdir /out && touch /out/app
      3   | FROM scratch
      4 > | COPY --from=build /out/ap /
      help: Did you mean "/out/app"?
      "
    `);
  });

  test("a file that cannot be read", async () => {
    const files = { closed: { mode: 0, content: "x" } };
    (await expectError(bed, "FROM scratch\nCOPY . /\n", { files })).toMatchInlineSnapshot(`
      "exit code 4
      error[FILE_UNREADABLE]: cannot read "CONTEXT/closed": permission denied
        --> Dockerfile:2
      1   | FROM scratch
      2 > | COPY . /
      help: Make it readable, or name it in .dockerignore if the build does not need it.
      "
    `);
  });

  test("no such directory", async () => {
    const { exitCode, error } = await failure(bed, ["./nowhere"], { cwd: bed.newDirectory("cwd-nowhere") });
    expect(`exit code ${exitCode}\n${error.replaceAll(bed.directory, "BED")}`).toMatchInlineSnapshot(`
      "exit code 4
      error[CONTEXT_NOT_FOUND]: build context BED/cwd-nowhere/nowhere does not exist
      help: Give the directory that holds the files to build, such as . for this one.
      "
    `);
  });
});

describe("the command line", () => {
  test("--push without a name", async () => {
    (await expectError(bed, "FROM scratch\n", { flags: ["--push"] })).toMatchInlineSnapshot(`
      "exit code 2
      error[USAGE_INVALID]: --push has no name to push to
      help: add -t registry.example.com/name:tag
      "
    `);
  });

  test("a platform that nobody knows", async () => {
    (await expectError(bed, "FROM scratch\n", { flags: ["--platform=linux/amd46"] })).toMatchInlineSnapshot(`
      "exit code 2
      error[PLATFORM_INVALID]: --platform linux/amd46: amd46 is no architecture that is known
      help: Did you mean amd64? Known are amd64, arm64, arm/v7, arm/v6, 386, riscv64, s390x, ppc64le and the rest of Go's list
      "
    `);
  });

  test("a name that is none", async () => {
    (await expectError(bed, "FROM scratch\n", { flags: ["-t", "Registry/App", "--push"] })).toMatchInlineSnapshot(`
      "exit code 2
      error[REFERENCE_INVALID]: image reference "Registry/App" is not valid: repository name (App) must be lowercase
      help: Write Registry/app.
      "
    `);
  });

  test("an output of an unknown type", async () => {
    (await expectError(bed, "FROM scratch\n", { flags: ["-o", "type=dokker,dest=x"] })).toMatchInlineSnapshot(`
      "exit code 2
      error[USAGE_INVALID]: --output type=dokker,dest=x: type dokker is not known
      help: known are registry, image, oci, docker, local, tar, cacheonly
      "
    `);
  });

  test("a flag that does not exist, and what is like it", async () => {
    (await expectError(bed, "FROM scratch\n", { flags: ["--platfrom=linux/arm64"] })).toMatchInlineSnapshot(`
      "exit code 2
      error[USAGE_FLAGS]: --platfrom is no flag, did you mean --platform?
      help: manyarch build --help lists the flags
      "
    `);
  });

  test("a config file that is no JSON", async () => {
    const config = join(bed.newDirectory("config"), "config.json");
    writeFileSync(config, "{registryMirrors: }");
    (await expectError(bed, "FROM scratch\n", { env: { MANYARCH_CONFIG: config } })).toMatchInlineSnapshot(`
      "exit code 2
      error[USAGE_SETTINGS]: config file BED/config/config.json: Expected property name or '}' in JSON at position 1 (line 1 column 2)
      help: it holds {"root": "...", "registryMirrors": {"docker.io": ["localhost:5000"]}, "plainHttp": ["host:port"]}
      "
    `);
  });

  test("a store that cannot be written", async () => {
    (await expectError(bed, "FROM scratch\nCOPY Dockerfile /\n", { flags: ["--root=/etc/store"] }))
      .toMatchInlineSnapshot(`
      "exit code 9
      error[STORE_UNWRITABLE]: the store cannot be written at /etc/store: EACCES: permission denied, mkdir '/etc/store'
      help: Choose a directory of your own with --root or MANYARCH_ROOT.
      "
    `);
  });

  test("an output that cannot be written", async () => {
    (await expectError(bed, "FROM scratch\nCOPY Dockerfile /\n", { flags: ["-o", "type=oci,dest=/etc/x.tar"] }))
      .toMatchInlineSnapshot(`
        "exit code 10
        error[OUTPUT_UNWRITABLE]: /etc/x.tar cannot be written: EACCES: permission denied, access '/etc'
        help: check that the directory exists and is yours to write
        "
      `);
  });
});

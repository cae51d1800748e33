import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { startBed, type Bed } from "./bed/bed.ts";
import { foreignHandlers } from "./bed/emulators.ts";
import { runTool } from "./bed/process.ts";
import { Registry } from "./bed/registry.ts";
import { runsAsRoot } from "./bed/user.ts";
import { failure, MACHINE } from "./support/build-log.ts";
import { newContext, type Files } from "./support/context.ts";

/** What a user sees who typed something wrong: the whole error, with its exit code. */
let bed: Bed;
beforeAll(async () => {
  bed = await startBed();
});
afterAll(() => bed[Symbol.asyncDispose]());

const FOREIGN = MACHINE === "linux/amd64" ? "linux/arm64" : "linux/amd64";

interface Wrong {
  readonly files?: Files;
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** The exit code and the error, with what differs from run to run named. */
async function errorOf(dockerfile: string | undefined, { files = {}, flags = [], env = {} }: Wrong = {}) {
  const context = newContext(bed, { ...(dockerfile !== undefined && { Dockerfile: dockerfile }), ...files });
  const { exitCode, error, log, code } = await failure(bed, [...flags, context], { cwd: context, env });
  const shown = error
    .replaceAll(context, "CONTEXT")
    .replaceAll(bed.directory, "BED")
    .replaceAll(bed.mirror.host, "MIRROR")
    .replaceAll(bed.target.host, "TARGET")
    .replaceAll(/\.\d+\.tmp/g, ".PID.tmp");
  // One screen.
  expect(shown.split("\n").length).toBeLessThan(20);
  return { text: `exit code ${exitCode}\n${shown}`, log, code, exitCode };
}

async function expectError(dockerfile: string | undefined, wrong?: Wrong) {
  return expect((await errorOf(dockerfile, wrong)).text);
}

describe("the Dockerfile", () => {
  test("an unknown instruction", async () => {
    (await expectError("FROM busybox\n\nRUM echo hi\nCMD sh\n")).toMatchInlineSnapshot(`
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
    const { code, exitCode, text } = await errorOf(dockerfile);
    expect({ code, exitCode }).toEqual({ code: "DOCKERFILE_UNKNOWN_STAGE", exitCode: 3 });
    expect(text).toContain("biulder is no stage before this line");
    expect(text).toContain("3 > | COPY --from=biulder /a /a");
    expect(text).toContain("help: Did you mean builder? The stages are builder.");
  });

  test("an unknown --target", async () => {
    (await expectError("FROM busybox AS build\n", { flags: ["--target=bild"] })).toMatchInlineSnapshot(`
      "exit code 3
      error[DOCKERFILE_TARGET_NOT_FOUND]: no stage is named "bild"
      help: Did you mean build? The stages are build.
      "
    `);
  });

  test("an instruction that is not supported yet is refused by name", async () => {
    (await expectError("FROM busybox\nADD https://example.com/x /x\n")).toMatchInlineSnapshot(`
      "exit code 3
      error[DOCKERFILE_UNSUPPORTED]: ADD is not supported yet
        --> Dockerfile:2
      1   | FROM busybox
      2 > | ADD https://example.com/x /x
          | ^^^
      help: Use COPY for files of the context; fetch or unpack others in a RUN.
      "
    `);
  });

  test("an ARG used in FROM before it is declared", async () => {
    (await expectError("FROM busybox:${VERSION}\nARG VERSION=1\n")).toMatchInlineSnapshot(`
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
    (await expectError("FROM busybox\nUSER ghost\nRUN true\n")).toMatchInlineSnapshot(`
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
    (await expectError("# only a comment\n")).toMatchInlineSnapshot(`
      "exit code 3
      error[DOCKERFILE_EMPTY]: Dockerfile holds no instruction
        --> Dockerfile:1
      1 > | # only a comment
      help: Begin it with FROM IMAGE.
      "
    `);
  });

  test("none there", async () => {
    (await expectError(undefined, { files: { "Dockerfile.dev": "FROM scratch\n" } })).toMatchInlineSnapshot(`
      "exit code 3
      error[DOCKERFILE_NOT_FOUND]: no Dockerfile in CONTEXT: it holds Dockerfile.dev
      help: Did you mean -f CONTEXT/Dockerfile.dev?
      "
    `);
  });

  test("a -f that is not there", async () => {
    (await expectError("FROM scratch\n", { flags: ["-f", "Dockerfile.prod"] })).toMatchInlineSnapshot(`
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
    (await expectError("FROM busybox\nCOPY main.og /\n", { files })).toMatchInlineSnapshot(`
      "exit code 4
      error[COPY_NOT_FOUND]: "/main.og": not found
        --> Dockerfile:2
      1   | FROM busybox
      2 > | COPY main.og /
      help: Did you mean "/main.go"?
      "
    `);
  });

  test("a COPY source that .dockerignore leaves out", async () => {
    const files = { ".dockerignore": "*.env\n", "app.env": "" };
    (await expectError("FROM busybox\nCOPY app.env /\n", { files })).toMatchInlineSnapshot(`
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
    (await expectError(dockerfile)).toMatchInlineSnapshot(`
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
    (await expectError("FROM scratch\nCOPY . /\n", { files })).toMatchInlineSnapshot(`
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
    (await expectError("FROM scratch\n", { flags: ["--push"] })).toMatchInlineSnapshot(`
      "exit code 2
      error[USAGE_INVALID]: --push has no name to push to
      help: add -t registry.example.com/name:tag
      "
    `);
  });

  test("a platform that nobody knows", async () => {
    (await expectError("FROM scratch\n", { flags: ["--platform=linux/amd46"] })).toMatchInlineSnapshot(`
      "exit code 2
      error[PLATFORM_INVALID]: --platform linux/amd46: amd46 is no architecture that is known
      help: known are amd64, arm64, arm/v7, arm/v6, 386, riscv64, s390x, ppc64le and the rest of Go's list
      "
    `);
  });

  test("a name that is none", async () => {
    (await expectError("FROM scratch\n", { flags: ["-t", "Registry/App", "--push"] })).toMatchInlineSnapshot(`
      "exit code 2
      error[REFERENCE_INVALID]: image reference "Registry/App" is not valid: repository name (App) must be lowercase
      help: Write app.
      "
    `);
  });

  test("an output of an unknown type", async () => {
    (await expectError("FROM scratch\n", { flags: ["-o", "type=docker,dest=x"] })).toMatchInlineSnapshot(`
      "exit code 2
      error[USAGE_INVALID]: --output type=docker,dest=x: unknown option dest
      help: known are type, push
      "
    `);
  });

  test("a flag that does not exist, and what is like it", async () => {
    (await expectError("FROM scratch\n", { flags: ["--platfrom=linux/arm64"] })).toMatchInlineSnapshot(`
      "exit code 2
      No flag registered for --platfrom, did you mean --platform?
      "
    `);
  });

  test("a config file that is no JSON", async () => {
    const config = join(bed.newDirectory("config"), "config.json");
    writeFileSync(config, "{registryMirrors: }");
    (await expectError("FROM scratch\n", { env: { MANYARCH_CONFIG: config } })).toMatchInlineSnapshot(`
      "exit code 2
      error[USAGE_SETTINGS]: config file BED/config/config.json: Expected property name or '}' in JSON at position 1 (line 1 column 2)
      help: it holds {"root": "...", "registryMirrors": {"docker.io": ["localhost:5000"]}, "plainHttp": ["host:port"]}
      "
    `);
  });

  test("a store that cannot be written", async () => {
    (await expectError("FROM scratch\nCOPY Dockerfile /\n", { flags: ["--root=/etc/store"] })).toMatchInlineSnapshot();
  });

  test("an output that cannot be written", async () => {
    (await expectError("FROM scratch\nCOPY Dockerfile /\n", { flags: ["-o", "type=oci,dest=/etc/x.tar"] }))
      .toMatchInlineSnapshot(`
      "exit code 10
      error[OUTPUT_UNWRITABLE]: /proc/x.tar cannot be written: ENOENT: no such file or directory, open '/proc/.x.tar.26853.tmp'
      help: check that the directory exists and is yours to write
      "
    `);
  });
});

describe("registries", () => {
  test("nobody listens", async () => {
    (await expectError("FROM localhost:1/base\n")).toMatchInlineSnapshot(`
      "exit code 6
      error[REGISTRY_UNREACHABLE]: cannot reach localhost:1: connection refused (ECONNREFUSED) (tried 3 times)
        --> Dockerfile:1:6
      1 > | FROM localhost:1/base
          |      ^^^^^^^^^^^^^^^^
      help: Check that the registry runs and listens on this port.
      "
    `);
  });

  test("nobody listens where to push", async () => {
    const flags = ["--push", "-t", "localhost:1/app:1"];
    (await expectError("FROM scratch\nCOPY Dockerfile /\n", { flags })).toMatchInlineSnapshot(`
      "exit code 6
      error[REGISTRY_UNREACHABLE]: cannot reach localhost:1: connection refused (ECONNREFUSED) (tried 3 times)
      help: Check that the registry runs and listens on this port.
      "
    `);
  });

  test("the image is not there", async () => {
    (await expectError(`FROM ${bed.target.host}/app:no-such-tag\n`)).toMatchInlineSnapshot(`
      "exit code 6
      error[REGISTRY_UNREACHABLE]: cannot reach registry-1.docker.io:443: the host name is not known (ENOTFOUND); before that, from its mirror: manifest docker.io/library/busybox:no-such-tag was not found at MIRROR: 404 Not Found from http://MIRROR/v2/library/busybox/manifests/no-such-tag?ns=docker.io
        --> Dockerfile:1:6
      1 > | FROM busybox:no-such-tag
          |      ^^^^^^^^^^^^^^^^^^^
      help: Check the spelling of the host and the DNS settings.
      "
    `);
  });

  test("the base has no image for a platform", async () => {
    (await expectError("FROM busybox\n", { flags: [`--platform=${MACHINE},linux/riscv64`] })).toMatchInlineSnapshot(`
      "exit code 7
      error[MANIFEST_NO_PLATFORM]: busybox:latest has no image for linux/riscv64; it has linux/amd64, linux/arm64, linux/arm/v7
        --> Dockerfile:1:6
      1 > | FROM busybox
          |      ^^^^^^^
      help: Choose another base image, or leave this platform out of --platform.
      "
    `);
  });

  test("wrong and missing credentials", async () => {
    await using registry = await Registry.start({ users: { alice: "right" } });
    const auths = { [registry.host]: { auth: Buffer.from("alice:wrong").toString("base64") } };
    const flags = ["--push", "-t", `${registry.host}/app:1`];
    const dockerfile = "FROM scratch\nCOPY Dockerfile /\n";
    const wrong = await errorOf(dockerfile, { flags, env: { DOCKER_AUTH_CONFIG: JSON.stringify({ auths }) } });
    expect(wrong.text.replaceAll(registry.host, "REGISTRY")).toMatchInlineSnapshot(`
      "exit code 6
      error[REGISTRY_UNAUTHORIZED]: REGISTRY refuses the credentials of $DOCKER_AUTH_CONFIG for manifest REGISTRY/app@sha256:2febc9c2d8fe7f70931d2593075c2e8158d9fe5aa9504499c73dd097b277d311 (repository:app:pull,push): 401 Unauthorized from http://REGISTRY/v2/app/manifests/sha256:2febc9c2d8fe7f70931d2593075c2e8158d9fe5aa9504499c73dd097b277d311
      help: Check that this account may push REGISTRY/app, or log in again: docker login REGISTRY, or the same JSON in DOCKER_AUTH_CONFIG.
      "
    `);
    expect(wrong.text + wrong.log).not.toContain("wrong");
    const missing = await errorOf(dockerfile, { flags });
    expect(missing.text.replaceAll(registry.host, "REGISTRY")).toMatchInlineSnapshot(`
      "exit code 6
      error[REGISTRY_UNAUTHORIZED]: REGISTRY refuses an anonymous request for manifest REGISTRY/app@sha256:2febc9c2d8fe7f70931d2593075c2e8158d9fe5aa9504499c73dd097b277d311 (repository:app:pull,push): 401 Unauthorized from http://REGISTRY/v2/app/manifests/sha256:2febc9c2d8fe7f70931d2593075c2e8158d9fe5aa9504499c73dd097b277d311
      help: Check the spelling of REGISTRY/app: a registry answers like this for what does not exist too; or log in: docker login REGISTRY, or the same JSON in DOCKER_AUTH_CONFIG.
      "
    `);
  });
});

describe("RUN", () => {
  test("that fails: its output, the line, its exit code", async () => {
    const dockerfile = `FROM busybox AS build
WORKDIR /src
RUN echo "compiling" && \\
    echo "main.go:3: undefined: fmt" >&2 && \\
    exit 42
CMD ["x"]
`;
    const { text, log } = await errorOf(dockerfile);
    expect(text).toMatchInlineSnapshot(`
      "exit code 5
      error[RUN_FAILED]: the command failed: exit code 42
        --> Dockerfile:3
      1   | FROM busybox AS build
      2   | WORKDIR /src
      3 > | RUN echo "compiling" && \\
      4 > |     echo "main.go:3: undefined: fmt" >&2 && \\
      5 > |     exit 42
      6   | CMD ["x"]
      "
    `);
    expect(log).toMatch(/\] \d\.\d{3} compiling\n/);
    expect(log).toMatch(/\] \d\.\d{3} main\.go:3: undefined: fmt\n/);
  });

  test("of a program that is not there", async () => {
    (await expectError('FROM busybox\nRUN ["/bin/bash", "-c", "true"]\n')).toMatchInlineSnapshot(`
      "exit code 5
      error[RUN_FAILED]: exec: "/bin/bash": no such file in the image
        --> Dockerfile:2
      1   | FROM busybox
      2 > | RUN ["/bin/bash", "-c", "true"]
      help: The image has no shell (scratch and distroless have none): RUN in a stage that has one and COPY --from it, or use the exec form.
      "
    `);
  });

  test("in an image without a shell", async () => {
    (await expectError("FROM gcr.io/distroless/static:nonroot\nRUN echo hi\n")).toMatchInlineSnapshot(`
      "exit code 5
      error[RUN_FAILED]: exec: "/bin/sh": no such file in the image
        --> Dockerfile:2
      1   | FROM gcr.io/distroless/static:nonroot
      2 > | RUN echo hi
      help: The image has no shell (scratch and distroless have none): RUN in a stage that has one and COPY --from it, or use the exec form.
      "
    `);
  });

  test("ended by a signal", async () => {
    (await expectError("FROM busybox\nRUN sh -c 'kill -SEGV $$'; exit $?\n")).toMatchInlineSnapshot(`
      "exit code 0
      building Dockerfile for linux/amd64

      #1 [linux/amd64 2/2] RUN kill -SEGV $$
      #1 [linux/amd64 2/2] why: not built here before
      #1 [linux/amd64 2/2] DONE 0.8s

      1 step ran, 0 cached; 1.3s
         sha256:4e227f6dd3f8526de489f946d5e13d8ab0f096ee8abb28f363c6c9d391fc334d
      "
    `);
  });

  const handlers = foreignHandlers();
  test.skipIf(handlers.length > 0)("of another platform, with no emulator: before any work", async () => {
    await bed.mirror.clearAccesses();
    const dockerfile = `FROM busybox AS slow\nRUN sleep 100\nFROM busybox\nCOPY --from=slow /bin/true /\nRUN ./configure\n`;
    const { text, log } = await errorOf(dockerfile, { flags: [`--platform=${FOREIGN}`] });
    expect(text.replaceAll(FOREIGN, "FOREIGN").replaceAll(MACHINE, "MACHINE")).toMatchInlineSnapshot(`
      "exit code 8
      error[PLAN_NO_EMULATOR]: RUN sleep 100 runs on FOREIGN, this machine is MACHINE and there is no emulator for it
        --> Dockerfile:2
      1   | FROM busybox AS slow
      2 > | RUN sleep 100
      3   | FROM busybox
      4   | COPY --from=slow /bin/true /
      help: start the stage with FROM --platform=$BUILDPLATFORM and cross-compile (Go: GOOS=$TARGETOS GOARCH=$TARGETARCH), or leave FOREIGN out of --platform, or have root register qemu-user with flag F (apt-get install qemu-user-static)
      "
    `);
    expect(log).not.toContain("#1");
    const layers = (await bed.mirror.accesses()).filter((one) => one.bytes > 100_000);
    expect(layers).toEqual([]);
  });
});

describe.skipIf(!runsAsRoot)("a full disk", () => {
  const directory = (): string => join(bed.directory, "small");
  beforeEach(() => {
    mkdirSync(directory(), { recursive: true });
    const options = `size=6m,mode=755,uid=${bed.user.uid},gid=${bed.user.gid}`;
    runTool("mount", ["-t", "tmpfs", "-o", options, "small", directory()]);
  });
  afterEach(() => runTool("umount", ["-l", directory()]));

  test.each([
    ["a pull", "FROM debian:bookworm-slim\nRUN true\n"],
    ["a layer that is packed", "FROM scratch\nCOPY big /\n"],
  ])("ends %s with exit code 9", async (_, dockerfile) => {
    const files = { big: { mode: 0o644, content: randomBytes(6_000_000).toString("base64") } };
    const { text, exitCode } = await errorOf(dockerfile, { files, flags: [`--root=${directory()}`] });
    expect(text).toMatch(/no space left|full/i);
    expect(exitCode).toBe(9);
  });

  test("is told by a RUN itself", async () => {
    const dockerfile = "FROM busybox\nRUN head -c 9000000 /dev/urandom > /big\n";
    const { log, exitCode } = await errorOf(dockerfile, { flags: [`--root=${directory()}`] });
    expect(log).toContain("No space left on device");
    expect(exitCode).toBe(5);
  });
});

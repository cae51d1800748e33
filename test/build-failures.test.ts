import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { startBed, type Bed } from "./bed/bed.ts";
import { runTool } from "./bed/process.ts";
import { Registry } from "./bed/registry.ts";
import { runsAsRoot } from "./bed/user.ts";
import { MACHINE } from "./support/build-log.ts";
import { errorOf, expectError } from "./support/error.ts";

/** What a user sees when registries, commands or the machine fail: the whole error, with its exit code. */
let bed: Bed;
beforeAll(async () => {
  bed = await startBed();
});
afterAll(() => bed[Symbol.asyncDispose]());

describe("registries", () => {
  test("nobody listens", async () => {
    (await expectError(bed, "FROM localhost:1/base\n")).toMatchInlineSnapshot(`
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
    (await expectError(bed, "FROM scratch\nCOPY Dockerfile /\n", { flags })).toMatchInlineSnapshot(`
      "exit code 6
      error[REGISTRY_UNREACHABLE]: cannot reach localhost:1: connection refused (ECONNREFUSED) (tried 3 times)
      help: Check that the registry runs and listens on this port.
      "
    `);
  });

  test("the image is not there", async () => {
    (await expectError(bed, `FROM ${bed.target.host}/app:no-such-tag\n`)).toMatchInlineSnapshot(`
      "exit code 6
      error[REGISTRY_NOT_FOUND]: manifest TARGET/app:no-such-tag was not found at TARGET: 404 Not Found from http://TARGET/v2/app/manifests/no-such-tag
        --> Dockerfile:1:6
      1 > | FROM TARGET/app:no-such-tag
          |      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      help: Check the spelling of the repository and the tag.
      "
    `);
  });

  test("the base has no image for a platform", async () => {
    (await expectError(bed, "FROM busybox\n", { flags: [`--platform=${MACHINE},linux/riscv64`] }))
      .toMatchInlineSnapshot(`
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
    // Which of the two is first, the check or the push, is a matter of time.
    const flags = ["--push", "--skip-push-permission-check", "-t", `${registry.host}/app:1`];
    const dockerfile = "FROM scratch\nCOPY Dockerfile /\n";
    const wrong = await errorOf(bed, dockerfile, { flags, env: { DOCKER_AUTH_CONFIG: JSON.stringify({ auths }) } });
    expect(wrong.text.replaceAll(registry.host, "REGISTRY")).toMatchInlineSnapshot(`
      "exit code 6
      error[REGISTRY_UNAUTHORIZED]: REGISTRY refuses the credentials of $DOCKER_AUTH_CONFIG for manifest REGISTRY/app@DIGEST (repository:app:pull,push): 401 Unauthorized from http://REGISTRY/v2/app/manifests/DIGEST
      help: Check that this account may push REGISTRY/app, or log in again: docker login REGISTRY, or the same JSON in DOCKER_AUTH_CONFIG.
      "
    `);
    expect(wrong.text + wrong.log).not.toContain("wrong");
    const missing = await errorOf(bed, dockerfile, { flags });
    expect(missing.text.replaceAll(registry.host, "REGISTRY")).toMatchInlineSnapshot(`
      "exit code 6
      error[REGISTRY_UNAUTHORIZED]: REGISTRY refuses an anonymous request for manifest REGISTRY/app@DIGEST (repository:app:pull,push): 401 Unauthorized from http://REGISTRY/v2/app/manifests/DIGEST
      help: Log in: docker login REGISTRY, or the same JSON in DOCKER_AUTH_CONFIG.
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
    const { text, log } = await errorOf(bed, dockerfile);
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
    (await expectError(bed, 'FROM busybox\nRUN ["/bin/bash", "-c", "true"]\n')).toMatchInlineSnapshot(`
      "exit code 5
      error[RUN_FAILED]: exec: "/bin/bash": no such file in the image
        --> Dockerfile:2
      1   | FROM busybox
      2 > | RUN ["/bin/bash", "-c", "true"]
      help: Write the path of a file that is in the image at this step; the shell form needs a shell.
      "
    `);
  });

  test("in an image without a shell", async () => {
    (await expectError(bed, "FROM gcr.io/distroless/static:nonroot\nRUN echo hi\n")).toMatchInlineSnapshot(`
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
    (await expectError(bed, "FROM busybox\nRUN sh -c 'kill -SEGV $$'; exit $?\n")).toMatchInlineSnapshot(`
      "exit code 5
      error[RUN_FAILED]: the command failed: exit code 139 (killed by SIGSEGV)
        --> Dockerfile:2
      1   | FROM busybox
      2 > | RUN sh -c 'kill -SEGV $$'; exit $?
      "
    `);
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
    const files = { big: { mode: 0o644, content: randomBytes(9_000_000).toString("base64") } };
    const { text, exitCode } = await errorOf(bed, dockerfile, { files, flags: [`--root=${directory()}`] });
    expect(text).toMatch(/no space left|full/i);
    expect(exitCode).toBe(9);
  });

  test("is told by a RUN itself", async () => {
    const dockerfile = "FROM busybox\nRUN dd if=/dev/zero of=/big bs=1M count=9\n";
    const { log, exitCode } = await errorOf(bed, dockerfile, { flags: [`--root=${directory()}`] });
    expect(log).toContain("No space left on device");
    expect(exitCode).toBe(5);
  });
});

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startBed, type Bed } from "./bed/bed.ts";
import { runTool } from "./bed/process.ts";
import { build, type Built } from "./support/build-log.ts";
import { newContext, type Files } from "./support/context.ts";
import { manifestOf } from "./support/image.ts";

let bed: Bed;
beforeAll(async () => {
  bed = await startBed();
});
afterAll(() => bed[Symbol.asyncDispose]());

async function run(dockerfile: string, files: Files = {}, flags: readonly string[] = []): Promise<Built> {
  return build(bed, [...flags, newContext(bed, { Dockerfile: dockerfile, ...files })]);
}

function printed({ steps }: Built): string {
  return steps.map((step) => step.output).join("");
}

test("heredocs are commands, scripts, input and files", async () => {
  const built = await run(`FROM busybox
ARG NAME=world
RUN <<EOF
set -e
echo "hi $NAME"
EOF
RUN <<'S'
#!/bin/sh
echo "script $0"
S
RUN cat <<A && cat <<-"B"
text $NAME
A
	tabbed $NAME
	B
COPY --chmod=u=rw,go= --chown=1:2 <<one <<'two' /d/
"$NAME"
one
$NAME
two
RUN cat /d/one /d/two; stat -c '%a %u:%g' /d/one; test ! -e /dev/pipes
`);
  expect(printed(built)).toBe('hi world\nscript /dev/pipes/S\ntext world\ntabbed $NAME\n"world"\n$NAME\n600 1:2\n');
});

test("a cache outlives its build, and a secret is nowhere but in its RUN", async () => {
  const dockerfile = `FROM busybox
ARG ROUND
RUN --mount=type=cache,target=/c --mount=type=secret,id=token,required \\
  echo $ROUND >> /c/rounds; cat /c/rounds; wc -c < /run/secrets/token
RUN ls -d /c /run 2>/dev/null || echo nothing left
`;
  const secret = join(bed.directory, "token");
  writeFileSync(secret, "canary-4b1d", { mode: 0o644 });
  const flags = (round: number): readonly string[] => [`--build-arg=ROUND=${round}`, `--secret=id=token,src=${secret}`];
  expect(printed(await run(dockerfile, {}, flags(1)))).toBe("1\n11\nnothing left\n");
  expect(printed(await run(dockerfile, {}, flags(2)))).toBe("1\n2\n11\nnothing left\n");
  expect(runTool("sh", ["-c", `grep -rl canary-4b1d ${bed.store} || test $? -eq 1`])).toBe("");
});

test("a secret that is required and not given ends the build at its line", async () => {
  const context = newContext(bed, { Dockerfile: "FROM busybox\nRUN --mount=type=secret,id=no,required true\n" });
  const { exitCode, stderr } = await bed.cli(["build", context]);
  expect(exitCode).not.toBe(0);
  expect(stderr).toContain("error[SECRET_MISSING]");
  expect(stderr).toContain("Dockerfile:2");
});

test("a mounted context is what .dockerignore leaves, and its content is in the key", async () => {
  const files = { ".dockerignore": "hidden\nDockerfile\n", "a/x": "1", hidden: "h" };
  const dockerfile = "FROM busybox\nWORKDIR /w\nRUN --mount=target=. find . -type f | sort; cat a/x; echo\n";
  expect(printed(await run(dockerfile, files))).toBe("./.dockerignore\n./a/x\n1\n");
  expect(printed(await run(dockerfile, files))).toBe("");
  expect(printed(await run(dockerfile, { ...files, "a/x": "2" }))).toBe("./.dockerignore\n./a/x\n2\n");
});

test("a linked layer is the same on another base", async () => {
  const layers = async (base: string): Promise<string> => {
    const name = `${bed.target.host}/linked-${base.replace(/\W/g, "")}:1`;
    await run(`FROM ${base}\nCOPY --link --chown=5 x /usr/share/a/b/\n`, { x: "x" }, ["--push", "-t", name]);
    const manifest = await manifestOf(bed.target, name.slice(name.indexOf("/") + 1));
    return manifest.layers.at(-1)!.digest;
  };
  expect(await layers("alpine")).toBe(await layers("busybox"));
});

test("--parents, --exclude, ADD of an archive, and triggers of a stage", async () => {
  const dockerfile = `FROM busybox AS base
ONBUILD COPY --parents src/./lib/**/*.c /p/
ONBUILD COPY --exclude=**/*.c src /q/
FROM base
ADD packed /e/
RUN find /p /q /e -type f | sort
`;
  const context = newContext(bed, { Dockerfile: dockerfile, "src/lib/a/b.c": "", "src/lib/c.h": "", "src/main.c": "" });
  runTool("tar", ["-C", "/etc", "-czf", join(context, "packed"), "hostname"]);
  expect(printed(await build(bed, [context]))).toBe("/e/hostname\n/p/lib/a/b.c\n/q/lib/c.h\n");
});

test("a directory under a name is read by its own .dockerignore", async () => {
  const other = newContext(bed, { ".dockerignore": "no\n.dockerignore\n", yes: "1", no: "0" });
  const dockerfile = "FROM busybox\nCOPY --from=other . /o/\nRUN --mount=from=other,target=/m ls /o /m\n";
  const built = await run(dockerfile, {}, [`--build-context=other=${other}`]);
  expect(printed(built)).toBe("/m:\nyes\n/o:\nyes\n");
});

test("BuildKit's own arguments: the name of the machine, and an index of one", async () => {
  const tag = `${bed.target.host}/one:1`;
  const args = ["--build-arg=BUILDKIT_SANDBOX_HOSTNAME=builder.test", "--build-arg=BUILDKIT_MULTI_PLATFORM=1"];
  const dockerfile = "FROM busybox\nRUN hostname; grep builder.test /etc/hosts | wc -l\n";
  const built = await run(dockerfile, {}, [...args, "--push", "-t", tag]);
  expect(printed(built)).toBe("builder.test\n1\n");
  const index = JSON.parse(runTool("skopeo", ["inspect", "--raw", "--tls-verify=false", `docker://${tag}`])) as {
    readonly manifests: readonly unknown[];
  };
  expect(index.manifests).toHaveLength(1);
  expect(printed(await run(dockerfile))).toBe("manyarch\n0\n");
  const bad = await bed.cli([
    "build",
    "--build-arg=BUILDKIT_SANDBOX_HOSTNAME=a b",
    newContext(bed, { Dockerfile: dockerfile }),
  ]);
  expect(bad.stderr).toContain("error[DOCKERFILE_HOSTNAME]");
});

test("--security=insecure is refused unless allowed, and then has every capability and no filter", async () => {
  const dockerfile = "FROM busybox\nRUN --security=insecure grep -E '^(CapEff|Seccomp):' /proc/self/status\n";
  const context = newContext(bed, { Dockerfile: dockerfile });
  const refused = await bed.cli(["build", context]);
  expect(refused.stderr).toContain("error[DOCKERFILE_NOT_ALLOWED]: RUN --security=insecure is not allowed");
  expect(refused.exitCode).toBe(3);
  for (const rung of ["runtime", "namespace"]) {
    const built = await build(bed, ["--allow=security.insecure", "--no-cache", `--sandbox=${rung}`, context]);
    const [, capabilities = "", filter] = /CapEff:\s+(\w+)\nSeccomp:\s+(\d)/.exec(printed(built)) ?? [];
    expect((BigInt(`0x${capabilities}`) >> 21n) & 1n, "CAP_SYS_ADMIN").toBe(1n);
    expect(filter).toBe("0");
  }
  const plain = newContext(bed, { Dockerfile: dockerfile.replace("--security=insecure ", "") });
  expect(printed(await build(bed, ["--allow=security.insecure", plain]))).toMatch(/CapEff:\s+0+a80425fb\nSeccomp:\s+2/);
});

import { describe, expect, test } from "vitest";
import type { CopyStep, RunStep, Step } from "../../../engine/types.ts";
import { describeHistory, plan } from "./plan-fixture.ts";
import type { PlanOptions } from "./plan-fixture.ts";

const SHELL = ["/bin/sh", "-c"];

describe("RUN heredocs", () => {
  test("alone it is the command's text, tabs taken off", async () => {
    const { argv, script } = await run("RUN <<-EOF\n\techo $A\n\t\techo b\n\tEOF\n");
    expect([argv, script]).toEqual([[...SHELL, "echo $A\necho b\n"], undefined]);
  });

  test("tabs go where a line begins, which only a line feed ends", async () => {
    const { argv } = await run("RUN <<-EOF\n\ta\r\tb\u2028\tc\n\t\td\n\tEOF\n");
    expect(argv.at(-1)).toBe("a\r\tb\u2028\tc\nd\n");
  });

  test("with #! it is a file that is run", async () => {
    const step = await run("RUN <<'EOF'\n#!/usr/bin/env python\nprint($A)\nEOF\n");
    expect([step.argv, step.script]).toEqual([
      [...SHELL, "/dev/pipes/EOF"],
      { name: "EOF", content: "#!/usr/bin/env python\nprint($A)\n" },
    ]);
  });

  test("of another command they are left to the shell", async () => {
    const { argv } = await run('RUN cat <<A <<-"B" | sh\na $X\nA\n\tb\n\tB\n');
    expect(argv).toEqual([...SHELL, 'cat <<A <<-"B" | sh\na $X\nA\n\tb\nB']);
  });
});

describe("COPY heredocs", () => {
  test("are files, expanded unless the name is quoted", async () => {
    const step = await copy(
      "ENV V='a b'\nCOPY <<one <<'two' <<-\"three\" /d/\n\"$V\" \\$V\none\n$V\ntwo\n\t\tx\n\tthree\n",
    );
    expect(step).toMatchObject({ paths: [], destination: "/d", intoDirectory: true });
    expect(step.inline).toEqual([
      { name: "one", content: '"a b" $V\n' },
      { name: "two", content: "$V\n" },
      { name: "three", content: "x\n" },
    ]);
  });

  test("history names them after the other sources", async () => {
    const result = await plan("FROM a\nCOPY --chown=1 <<one x /d/\ny\none\n");
    expect(describeHistory(result)).toContain("+ COPY --chown=1 x <<one /d/ # buildkit");
  });

  test("another text is another step", async () => {
    const [one, other] = await Promise.all(["1", "2"].map((text) => plan(`FROM a\nCOPY <<f /f\n${text}\nf\n`)));
    expect(one!.targets[0]!.root).not.toBe(other!.targets[0]!.root);
  });
});

describe("COPY flags", () => {
  test.each([
    ["--link", { link: true }],
    ["--link --chmod=644", { mode: 0o644, link: undefined }],
    ["--chmod=go=u-w", { mode: "go=u-w" }],
    ["--exclude=*.md --exclude=$N", { excludes: ["*.md", "$N"] }],
  ])("%s", async (flags, expected) => {
    expect({ link: undefined, ...(await copy(`ARG N=n\nCOPY ${flags} a b\n`)) }).toMatchObject(expected);
  });

  test("--parents keeps the pivot", async () => {
    expect(await copy("COPY --parents x/./y/** z /d\n")).toMatchObject({ paths: ["x/./y/**", "z"], parents: true });
  });
});

describe("RUN --mount", () => {
  test("a bind of the context is a copy of what .dockerignore leaves", async () => {
    const { graph, step } = await runIn("FROM a\nWORKDIR /w\nRUN --mount=target=.,source=sub x\n");
    const [mount] = step.mounts!;
    expect(mount).toMatchObject({ kind: "bind", source: "/context", target: "/w", readonly: true });
    expect(mount!.kind === "bind" && graph.get(mount!.from)).toMatchObject({ kind: "copy", paths: ["sub"] });
  });

  test("a file of the context is the one that is named, whatever its name means to a COPY", async () => {
    const { graph, step } = await runIn("FROM a\nRUN --mount=source=a[b]*,target=/m x\n");
    const [mount] = step.mounts!;
    expect(mount!.kind === "bind" && graph.get(mount!.from)).toMatchObject({ paths: [String.raw`a[\[]b][\*]`] });
  });

  test("a cache that begins with files of a name begins with a copy of them", async () => {
    const contexts = new Map([["files", { kind: "directory", directory: "/f", ignore: [] } as const]]);
    const { graph, step } = await runIn("FROM a\nRUN --mount=type=cache,from=files,source=sub,target=/c x\n", {
      contexts,
    });
    const [mount] = step.mounts!;
    expect(mount).toMatchObject({ kind: "cache", source: "/context" });
    const from = mount!.kind === "cache" && mount!.from !== undefined ? graph.get(mount!.from) : undefined;
    expect(from).toMatchObject({ kind: "copy", paths: ["sub"] });
  });

  test("a stage that only a mount names is needed", async () => {
    const { step, graph } = await runIn(
      "FROM a AS one\nRUN y\nFROM b\nRUN --mount=from=one,source=/s,target=/t,rw x\n",
    );
    const [mount] = step.mounts!;
    expect(mount).toMatchObject({ kind: "bind", source: "/s", target: "/t", readonly: false });
    expect(mount!.kind === "bind" && graph.get(mount!.from)).toMatchObject({ kind: "run" });
  });

  test.each([
    ["type=cache,target=/c/", "", { id: "//c", named: false, sharing: "shared", mode: 0o755, uid: 0 }],
    ["type=cache,target=/c,id=$A-$B,uid=$U", "ns", { id: "ns/x-y", named: true, uid: 7 }],
    [
      "type=cache,target=/c,sharing=LOCKED,mode=0700,ro",
      "",
      { named: true, sharing: "locked", readonly: true, mode: 0o700 },
    ],
    ["type=tmpfs,target=/t,size=1.5m", "", { kind: "tmpfs", target: "/t", size: 1_572_864 }],
    ["type=secret,id=a/b", "", { kind: "secret", id: "a/b", target: "/run/secrets/b", required: false, mode: 0o400 }],
    ["type=secret,target=/x/y", "", { id: "y", target: "/x/y" }],
    ["type=secret,id=a,env=T,required", "", { id: "a", env: "T", target: undefined, required: true }],
    ["type=ssh,mode=0666", "", { kind: "ssh", id: "default", target: "/run/buildkit/ssh_agent.0", mode: 0o666 }],
    ["target=/t,from=", "", { kind: "bind", source: "/context", target: "/t" }],
    ['type=bind,"target=/a,b",from=a', "", { target: "/a,b", source: "/" }],
  ])("%s", async (mount, namespace, expected) => {
    const buildArgs = namespace === "" ? {} : { BUILDKIT_CACHE_MOUNT_NS: namespace };
    const { step } = await runIn(`FROM a\nARG A=x U=7\nENV B=y\nRUN --mount='${mount}' z\n`, { buildArgs });
    expect({ target: undefined, ...step.mounts![0] }).toMatchObject(expected);
  });
});

async function runIn(
  text: string,
  options?: PlanOptions,
): Promise<{ readonly step: RunStep; readonly graph: ReadonlyMap<string, Step> }> {
  const { graph, targets } = await plan(text, options);
  return { step: graph.steps.get(targets[0]!.root) as RunStep, graph: graph.steps };
}

async function run(text: string): Promise<RunStep> {
  return (await runIn(`FROM a\n${text}`)).step;
}

async function copy(text: string): Promise<CopyStep> {
  const { graph, targets } = await plan(`FROM a\n${text}`);
  return graph.steps.get(targets[0]!.root) as CopyStep;
}

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkRequest } from "../src/build/check.ts";
import { toRequest } from "../src/cli/build/request.ts";
import { readCases, type LintCase } from "../src/frontend/dockerfile/lint/cases.ts";
import { dockerText } from "../src/report/lint/docker.ts";
import { startBed, type Bed } from "./bed/bed.ts";
import { Buildkitd } from "./bed/buildkitd.ts";
import { build } from "./support/build-log.ts";
import { newContext } from "./support/context.ts";

/** Findings of BuildKit's own frontend, compared with ours. Minutes of building the daemon the first time. */
const enabled = Boolean(process.env["MANYARCH_TEST_ALL"]);

type Asked = Pick<LintCase, "dockerfile" | "ignore" | "buildArgs" | "target">;

describe.skipIf(!enabled)("BuildKit's checks of the same files", () => {
  let bed: Bed;
  let daemon: Buildkitd;
  beforeAll(async () => {
    bed = await startBed({ user: "current" });
    daemon = await Buildkitd.start(bed.mirror.host, [bed.target.host]);
  });
  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    await bed[Symbol.asyncDispose]();
  });

  test.each(readCases())("$title", async (lintCase) => {
    const { ours, theirs } = await both(lintCase);
    expect(ours).toEqual(theirs);
    expect(theirs).toHaveLength(lintCase.findings.length);
  });

  test("a base image for one platform alone", async () => {
    const name = `${bed.target.host}/only-loong64`;
    await build(bed, [
      "--platform=linux/loong64",
      `--tag=${name}`,
      "--push",
      newContext(bed, { Dockerfile: "FROM scratch\nCOPY Dockerfile /\n" }),
    ]);
    const { ours, theirs } = await both(asked(`FROM ${name}\nFROM busybox\nCOPY --from=${name} a b\n`));
    expect(ours).toEqual(theirs);
    expect(theirs.map((block) => block.split("\n")[0])).toEqual([
      "WARNING: InvalidBaseImagePlatform",
      "WARNING: InvalidBaseImagePlatform",
    ]);
  });

  test("random files", async () => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(LINE, { minLength: 2, maxLength: 14 }), async (lines) => {
        fc.pre(!hasIdleTriggers(lines));
        const { ours, theirs, failed } = await both(asked(`FROM busybox AS base\n${lines.join("\n")}\n`));
        // Where a file cannot be built, what is found before depends on when that is seen.
        if (failed) return;
        compared++;
        expect(ours).toEqual(theirs);
      }),
      { numRuns: 300 },
    );
    expect(compared).toBeGreaterThan(100);
  }, 300_000);

  async function both(of: Asked): Promise<{ ours: readonly string[]; theirs: readonly string[]; failed: boolean }> {
    const context = mkdtempSync(join(tmpdir(), "manyarch-lint-"));
    try {
      writeFileSync(join(context, "Dockerfile"), of.dockerfile);
      if (of.ignore.length > 0) writeFileSync(join(context, ".dockerignore"), `${of.ignore.join("\n")}\n`);
      const [{ text, failed }, printed] = await Promise.all([check(context, of), askBuildKit(context, of)]);
      return { ours: blocksOf(text), theirs: blocksOf(printed), failed };
    } finally {
      rmSync(context, { recursive: true });
    }
  }

  async function check(cwd: string, { buildArgs, target }: Asked): Promise<{ text: string; failed: boolean }> {
    const process = { env: bed.env, cwd, signal: new AbortController().signal };
    const flags = {
      buildArg: Object.entries(buildArgs).map(([name, value]) => `${name}=${value}`),
      ...(target !== undefined && { target }),
      ...({ compression: "gzip", cross: "off", hostCa: "off", goCache: "off", progress: "quiet" } as const),
    };
    const settings = { root: bed.store, mirrors: [`docker.io=${bed.mirror.host}`], plainHttp: [] };
    const file = await checkRequest(toRequest(flags, ".", settings, process), process);
    return { text: dockerText([file]), failed: file.error !== undefined };
  }

  /** `result.txt` of the lint request. */
  function askBuildKit(context: string, { buildArgs, target }: Asked): Promise<string> {
    const [program = "", ...args] = [
      ...daemon.client,
      ...["build", "--progress=quiet", "--frontend=dockerfile.v0", "--opt=requestid=frontend.lint"],
      ...[`--local=context=${context}`, `--local=dockerfile=${context}`],
      ...Object.entries(buildArgs).map(([name, value]) => `--opt=build-arg:${name}=${value}`),
      ...(target === undefined ? [] : [`--opt=target=${target}`]),
    ];
    return new Promise((resolve, reject) => {
      const child = spawn(program, args, { env: daemon.env, stdio: ["ignore", "pipe", "pipe"] });
      let [output, errors] = ["", ""];
      child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
      child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
      child.on("error", reject);
      child.on("close", (code) => (code === 0 ? resolve(output) : reject(new Error(errors))));
    });
  }
});

function asked(dockerfile: string): Asked {
  return { dockerfile, ignore: ["ignored", "*.md"], buildArgs: {}, target: undefined };
}

/** Triggers of stages that the last one does not need: BuildKit does not look at them, see docs/compatibility.md. */
function hasIdleTriggers(lines: readonly string[]): boolean {
  const first = lines.findIndex((line) => line.startsWith("ONBUILD"));
  return first >= 0 && lines.slice(first).filter((line) => /^FROM /i.test(line)).length > 1;
}

/** A block for each finding, sorted: BuildKit's order is not always the same. */
function blocksOf(text: string): readonly string[] {
  return text
    .split(/^(?=WARNING: )/m)
    .filter((block) => block.startsWith("WARNING: "))
    .map((block) => block.trimEnd())
    .sort();
}

const NAME = fc.constantFrom("a", "Bee", "SECRET_KEY", "path", "PATH", "foo", "fooo", "PUBLIC_KEY");
const USE = fc.oneof(
  NAME.map((name) => `$${name}`),
  NAME.map((name) => `\${${name}:-x}`),
  fc.constantFrom("x", "/x", "x.md", "ignored/y", "./ignored"),
);
const KEYWORD = (name: string): fc.Arbitrary<string> => fc.constantFrom(name, name, name, name.toLowerCase());
const COMMAND = fc.constantFrom("run it", '["run", "it"]', "['run']");

const INSTRUCTION: fc.Arbitrary<string> = fc.oneof(
  fc
    .tuple(KEYWORD("FROM"), fc.constantFrom("busybox", "base", "scratch"), fc.constantFrom("AS", "as"))
    .chain(([from, image, as]) => fc.constantFrom("b1", "B2", "base2").map((name) => `${from} ${image} ${as} ${name}`)),
  fc.constantFrom("$TARGETPLATFORM", "$BUILDPLATFORM", "linux/amd64").map((p) => `FROM --platform=${p} busybox`),
  fc.tuple(KEYWORD("ARG"), NAME, USE).map(([arg, name, value]) => `${arg} ${name}=${value}`),
  NAME.map((name) => `ARG ${name}`),
  fc
    .tuple(KEYWORD("ENV"), NAME, fc.constantFrom("=", " "), USE)
    .map((parts) => `${parts[0]} ${parts.slice(1).join("")}`),
  fc.tuple(NAME, fc.constantFrom("=", " "), USE).map((parts) => `LABEL ${parts.join("")}`),
  fc.tuple(KEYWORD("COPY"), USE, USE).map((parts) => parts.join(" ")),
  fc.tuple(USE, USE).map(([from, to]) => `ADD ${from} \\\n  ${to}`),
  fc.tuple(USE, USE).map(([from, to]) => `COPY ${from} \\\n\n  ${to}`),
  fc.tuple(KEYWORD("WORKDIR"), USE).map((parts) => parts.join(" ")),
  fc.tuple(KEYWORD("CMD"), COMMAND).map((parts) => parts.join(" ")),
  COMMAND.map((command) => `ENTRYPOINT ${command}`),
  COMMAND.map((command) => `HEALTHCHECK CMD ${command}`),
  COMMAND.map((command) => `ONBUILD CMD ${command}`),
  USE.map((word) => `ONBUILD ENV key ${word}`),
  fc.constantFrom("80", "80/TCP", "8080:80", "1-3/udp 4/Udp").map((ports) => `EXPOSE ${ports}`),
  fc.constantFrom('SHELL ["sh"]', "MAINTAINER me", "RUN x $y", "USER $u", "COPY <<E /e\n$a $b\nE", "STOPSIGNAL 9"),
);

const LINE = fc.oneof(
  { weight: 12, arbitrary: INSTRUCTION },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      "# check=skip=all",
      "# check=skip=UndefinedVar,SecretsUsedInArgOrEnv because",
      "# check=experimental=all",
      "# a comment",
      "#",
      "",
    ),
  },
);

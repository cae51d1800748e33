import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AppError } from "../../../base/errors.ts";
import { Images, plan } from "./plan-fixture.ts";

describe("errors", () => {
  const TABLE = readFileSync(new URL("refusals.txt", import.meta.url), "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("# Dockerfile") && !/^# [a-z ]+$/.test(line))
    .map((line) => line.split(" | "));

  test.each(TABLE)("%s is %s at %s", async (body = "", code = "", position, message = "", hint = "") => {
    const text = body
      .replace(/^\./, "FROM a\n")
      .replaceAll(/\\([nt\\])/g, (_, letter: string) => ({ n: "\n", t: "\t" })[letter] ?? letter);
    const found = await plan(text).then(
      () => undefined,
      (error: unknown) => error,
    );
    if (code === "none")
      return expect(found === undefined || (found as AppError).code === "REGISTRY_NOT_FOUND").toBe(true);
    const error = found as AppError;
    const { line, column } = error.source?.start ?? { line: 0, column: 0 };
    expect([error.code, `${line}:${column}`, error.message, error.hint ?? ""]).toEqual([
      code,
      position,
      expect.stringContaining(message.trim()),
      expect.stringContaining(hint.trim()),
    ]);
  });

  test.each([
    "security=99",
    "security=",
    "network=99",
    "mount=type=99,target=/x",
    "mount=type=cache,target=/x,sharing=99",
  ])("CVE-2024-23653: RUN --%s is refused", async (flag) =>
    expect((await refusal(`FROM a\nRUN --${flag} x\n`)).code).toBe("DOCKERFILE_FLAG"),
  );

  test("an image that cannot be had is named where the file names it", async () => {
    const error = await refusal("FROM a\nFROM missing\n");
    expect([error.code, error.source?.start]).toEqual(["REGISTRY_NOT_FOUND", { line: 2, column: 6 }]);
  });

  test("one that is called almost as a stage was meant to be the stage", async () => {
    const error = await refusal("FROM a AS build\nFROM b\nCOPY --from=biuld /x /x\n");
    expect([error.code, error.hint, error.source?.start.line]).toEqual([
      "DOCKERFILE_UNKNOWN_STAGE",
      "Did you mean build? The stages are build. Files of that name come with --build-context biuld=PATH.",
      3,
    ]);
  });

  test.each(["FROM unreachable", "FROM a\nCOPY --from=unreachable /x /x", "FROM a\nRUN --mount=from=unreachable x"])(
    "a word that no registry was there to know may be no image: %j",
    async (text) => {
      const { code, hint } = await refusal(`${text}\n`);
      expect(code).toBe("REGISTRY_UNREACHABLE");
      expect(hint).toMatch(/FROM IMAGE AS unreachable.*--build-context unreachable=PATH\.\nCheck DNS\.$/);
    },
  );

  test.each([
    ["FROM b", "DOCKERFILE_ARGUMENTS"],
    ["NOPE x", "DOCKERFILE_UNKNOWN_INSTRUCTION"],
    ["RUN a\nRUN b", "DOCKERFILE_ARGUMENTS"],
    ["COPY --from=one x y", "DOCKERFILE_STAGE_ORDER"],
    ["ADD https://h:x/ y", "DOCKERFILE_ARGUMENTS"],
  ])("an ONBUILD trigger %j of a base is refused: %s", async (trigger, code) => {
    const images = new Images({ "a:latest": { config: { OnBuild: [trigger] } } });
    expect((await refusal("FROM a AS one\n", images)).code).toBe(code);
  });
});

const instruction = fc.constantFrom(
  "FROM a",
  "FROM a AS x",
  "FROM x",
  "FROM scratch",
  "FROM --platform=$BUILDPLATFORM a",
  "FROM $A",
  "ARG A",
  "ARG A=b B",
  "ENV A=$B C='d'",
  "RUN x",
  'RUN ["x"]',
  "RUN --network=none y",
  "COPY a b",
  "COPY --from=x a b/",
  "COPY --from=0 --chown=$A a b c",
  "WORKDIR $A",
  "USER $B",
  "EXPOSE 80 $A",
  "LABEL a=$A",
  "VOLUME $A",
  "STOPSIGNAL $A",
  "CMD x",
  "ENTRYPOINT []",
  "ADD a b",
  "ONBUILD RUN x",
  "HEALTHCHECK NONE",
  'SHELL ["x"]',
  "RUN <<E\nE",
  "COPY ${A:?x} y",
  "EXPOSE ${A",
  "# c",
);

test("any sequence of instructions is planned or refused at a position", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(instruction, { maxLength: 12 }), async (lines) => {
      try {
        const { graph } = await plan(lines.join("\n"), { platforms: ["linux/amd64", "linux/arm64"] });
        const seen = new Set<string>();
        for (const [id, step] of graph.steps) {
          if ("base" in step) expect(seen).toContain(step.base);
          if ("from" in step) expect(seen).toContain(step.from);
          seen.add(id);
        }
      } catch (error) {
        expect(error).toBeInstanceOf(AppError);
        expect((error as AppError).source).toBeDefined();
      }
    }),
    { numRuns: 1000 },
  );
});

async function refusal(text: string, images = new Images()): Promise<AppError> {
  try {
    await plan(text, { images });
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error("was not refused");
}

import { expect, test } from "vitest";
import { parsePlatform } from "../oci/platform.ts";
import { outlineJson, outlineText, targetsJson, targetsText } from "./outline.ts";
import { outlineOf, targetsOf } from "../frontend/dockerfile/to-graph/outline.ts";
import type { PlanRequest } from "../frontend/dockerfile/to-graph/request.ts";

const TEXT = `# VERSION of the thing
ARG VERSION=1.2
ARG UNUSED=x
ARG BASEV=3
ARG IMG=busybox:\${BASEV}

# base is for others
FROM busybox AS base
# FOO is foo
ARG FOO=bar
ARG VERSION
RUN --mount=type=secret,id=tok,required --mount=type=secret,target=/run/x/other echo

FROM busybox AS unused
ARG NOPE=1
RUN --mount=type=ssh,id=k echo

# final the last one
FROM base AS final
ARG TARGETARCH
ARG NOVALUE
ARG Z=\${FOO}-z
ENV Q=1
RUN --mount=type=ssh --mount=type=cache,target=/c echo
COPY --from=base /etc /e
`;

function request(options: Partial<PlanRequest> = {}): PlanRequest {
  const platform = parsePlatform("linux/amd64");
  return {
    dockerfile: { name: "Dockerfile", text: TEXT },
    platforms: [platform],
    buildPlatform: platform,
    buildArgs: {},
    labels: {},
    contextDirectory: "/src",
    ignore: [],
    signal: new AbortController().signal,
    ...options,
  };
}

// Both texts are what BuildKit v0.30.0 prints for this file.
test("the outline of the last stage", () => {
  expect(outlineText(outlineOf(request()))).toBe(`TARGET:      final
DESCRIPTION: the last one

BUILD ARG   VALUE   DESCRIPTION
VERSION     1.2     of the thing
FOO         bar     is foo
NOVALUE             
Z           bar-z   

SECRET   REQUIRED
tok      true
other    

SSH       REQUIRED
default   

`);
});

test("the targets", () => {
  expect(targetsText(targetsOf(request()))).toBe(`TARGET          DESCRIPTION
base            is for others
unused          
final (default) the last one
`);
});

test("of another target, with the build args that are given", () => {
  const outline = outlineOf(request({ target: "base", buildArgs: { FOO: "9" } }));
  expect(outline.args.map(({ name, value }) => [name, value])).toEqual([
    ["VERSION", "1.2"],
    ["FOO", "9"],
  ]);
  expect(outline.agents).toEqual([]);
});

test("an arg that FROM uses, with those its default is made of", () => {
  const text = "ARG BASEV=3\nARG IMG=busybox:${BASEV}\nARG OTHER=1\nFROM $IMG\n";
  const outline = outlineOf(request({ dockerfile: { name: "Dockerfile", text } }));
  expect(outline.args.map(({ name, value }) => `${name}=${value}`)).toEqual(["BASEV=3", "IMG=busybox:3"]);
  expect(outlineText(outline).startsWith("BUILD ARG")).toBe(true);
});

test("as JSON, with lines and the file itself", () => {
  const outline = JSON.parse(outlineJson(outlineOf(request()), TEXT)) as Record<string, unknown[]>;
  expect(outline).toMatchObject({ name: "final", description: "the last one" });
  expect(outline["secrets"]?.[0]).toEqual({
    name: "tok",
    required: true,
    location: { ranges: [{ start: { line: 12 }, end: { line: 12 } }] },
  });
  expect(Buffer.from(String(outline["sources"]?.[0]), "base64").toString()).toBe(TEXT);
  const { targets } = JSON.parse(targetsJson(targetsOf(request()), TEXT)) as { targets: unknown[] };
  expect(targets.at(-1)).toMatchObject({ name: "final", default: true, base: "base" });
});

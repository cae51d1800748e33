import { afterAll, beforeAll, expect, test } from "vitest";
import { startBed, type Bed } from "./bed/bed.ts";
import { build } from "./support/build-log.ts";
import { newContext, type Files } from "./support/context.ts";

/**
 * Whatever changed since the last build: one that knows it makes the image that one makes which knows
 * nothing. What a result depends on and its key does not would show as a difference.
 */
const CONTEXT: Files = {
  f: "aaaa",
  g: "gggg",
  "d/x": "x",
  "d/sub/y": "y",
  "d/inner": { link: "x" },
  link: { link: "f" },
  "m/z": "z",
  hidden: "h",
  ".dockerignore": "hidden\n.dockerignore\nDockerfile\n",
};

const DOCKERFILE = `FROM busybox AS base
RUN echo app:x:1500:77::/home/app:/bin/sh >> /etc/passwd
RUN mkdir -m 755 /s && echo s > /s/f && ln -s f /s/l && chown 1:1 /s/f && chmod 644 /s/f
FROM busybox
COPY --from=base /etc/passwd /etc/passwd
ARG A=1
ENV E=e
COPY --chown=app f /named
COPY --from=base /s /s
COPY --from=base /s/l /from-link
COPY --chmod=640 link /from-other-link
COPY --exclude=nothing d /d
COPY --parents d/sub/y /parents/
COPY . /all
COPY <<FILE /heredoc
text $A
FILE
USER app
WORKDIR /home/app/w
RUN --mount=target=/m,source=m ls -l /m | awk '{ print $1, $3, $9 }' > /tmp/context; cat /m/z >> /tmp/context
RUN --mount=target=/m,from=base,source=/s stat -c '%a %u %N' /m /m/f /m/l > /tmp/part
RUN --mount=target=/m,from=base stat -c '%a %u %N' /m/s/f /m/s/l > /tmp/whole; echo $A $E > /tmp/variables
RUN --network=none sed -n 's/:.*//p' /proc/net/dev > /tmp/network && grep -qw lo /tmp/network
`;

const dockerfile = (from: string, to: string): Files => ({ Dockerfile: DOCKERFILE.replace(from, to) });

interface Change {
  readonly what: string;
  readonly files: Files;
  readonly flags?: readonly string[];
}

const CHANGES: readonly Change[] = [
  { what: "nothing", files: {} },
  { what: "the mode of a directory that is mounted", files: dockerfile("mkdir -m 755 /s", "mkdir -m 711 /s") },
  { what: "who a name is", files: dockerfile(":1500:", ":1501:") },
  { what: "content of the same size", files: { f: "bbbb" } },
  { what: "a mode", files: { f: { content: "aaaa", mode: 0o755 } } },
  { what: "a mode with setuid", files: { f: { content: "aaaa", mode: 0o4755 } } },
  { what: "a link inside", files: { "d/inner": { link: "sub/y" } } },
  { what: "a link that is followed", files: { link: { link: "g" } } },
  { what: "an empty directory", files: { "d/empty/": { mode: 0o755 } } },
  { what: "the mode of a directory inside", files: { "d/sub/": { mode: 0o700 } } },
  { what: "the mode of a directory that is named", files: { "d/": { mode: 0o711 } } },
  { what: "what is ignored", files: { ".dockerignore": "Dockerfile\n" } },
  { what: "a file that is mounted", files: { "m/z": "zz" } },
  { what: "a file of a stage that is mounted", files: dockerfile("echo s >", "echo t >") },
  { what: "a link of a stage", files: dockerfile("ln -s f", "ln -s /s/f") },
  { what: "an owner of a stage", files: dockerfile("chown 1:1", "chown 3:4") },
  { what: "a shell", files: dockerfile("ARG A=1", 'SHELL ["/bin/ash", "-ec"]\nARG A=1') },
  { what: "a variable", files: dockerfile("ENV E=e", "ENV E=other") },
  { what: "a build arg", files: {}, flags: ["--build-arg=A=2"] },
  { what: "--chmod", files: dockerfile("--chmod=640", "--chmod=600") },
  { what: "--exclude", files: dockerfile("--exclude=nothing", "--exclude=x") },
  { what: "--parents", files: dockerfile("d/sub/y /parents", "./d/./sub/y /parents") },
  { what: "a heredoc", files: dockerfile("text $A", "other $A") },
  { what: "a network", files: dockerfile("--network=none", "--network=host") },
  { what: "a source", files: dockerfile("COPY . /all", "COPY d /all") },
];

/** Three builds each: most of them with MANYARCH_TEST_ALL=1 only. */
const CHOSEN = process.env["MANYARCH_TEST_ALL"] === "1" ? CHANGES : CHANGES.slice(0, 3);

let bed: Bed;
beforeAll(async () => {
  bed = await startBed();
});
afterAll(async () => {
  await bed[Symbol.asyncDispose]();
});

async function digestOf(files: Files, flags: readonly string[]): Promise<string> {
  const context = newContext(bed, { Dockerfile: DOCKERFILE, ...CONTEXT, ...files });
  const env = { SOURCE_DATE_EPOCH: "1" };
  return (await build(bed, ["--push", "-t", `${bed.target.host}/rebuilt:1`, ...flags, context], { env })).digest;
}

test.each(CHOSEN)(
  "what is known of the last build makes no difference: $what",
  { timeout: 120_000 },
  async ({ what, files, flags = [] }) => {
    const before = await digestOf({}, []);
    const after = await digestOf(files, flags);
    expect(after).toBe(await digestOf(files, [...flags, "--no-cache"]));
    if (what === "nothing") expect(after).toBe(before);
    else expect(after).not.toBe(before);
  },
);

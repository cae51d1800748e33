import { describe, expect, test } from "vitest";
import { describeHistory, describeSteps, Images, plan } from "./plan-fixture.ts";

describe("commands", () => {
  test("RUN in both forms, with SHELL, USER and networks", async () => {
    const result = await plan(
      'FROM a\nRUN a && b\nRUN ["c", "d e"]\nUSER u\nSHELL ["/bin/bash", "-ec"]\nRUN --network=none f\nRUN --network=host --security=sandbox g\n',
    );
    expect(describeSteps(result)).toMatchInlineSnapshot(`
      "
      1: image a:latest linux/amd64 [1/5 linux/amd64]
      2: run 1 ["/bin/sh","-c","a && b"] env=PATH=/bin cwd=/ user= host linux/amd64 [2/5 linux/amd64]
      3: run 2 ["c","d e"] env=PATH=/bin cwd=/ user= host linux/amd64 [3/5 linux/amd64]
      4: run 3 ["/bin/bash","-ec","f"] env=PATH=/bin cwd=/ user=u none linux/amd64 [4/5 linux/amd64]
      5: run 4 ["/bin/bash","-ec","g"] env=PATH=/bin cwd=/ user=u host linux/amd64 [5/5 linux/amd64]
      "
    `);
    expect(describeHistory(result)).toMatchInlineSnapshot(`
      "
      + RUN /bin/sh -c a && b # buildkit
      + RUN c d e # buildkit
        USER u
        SHELL [/bin/bash -ec]
      + RUN /bin/bash -ec f # buildkit
      + RUN /bin/bash -ec g # buildkit
      "
    `);
  });

  test.each([
    ['CMD ["a"]\nENTRYPOINT ["b"]', { Cmd: ["a"], Entrypoint: ["b"] }],
    ['ENTRYPOINT ["b"]', { Cmd: undefined, Entrypoint: ["b"] }],
    ['ENTRYPOINT ["b"]\nCMD c d', { Cmd: ["/bin/sh", "-c", "c d"], Entrypoint: ["b"] }],
    ["ENTRYPOINT []", { Cmd: undefined, Entrypoint: undefined }],
    ["CMD []", { Cmd: undefined, Entrypoint: ["base"] }],
  ])("%j on a base with both", async (text, expected) => {
    const images = new Images({ "a:latest": { config: { Cmd: ["inherited"], Entrypoint: ["base"] } } });
    const { Cmd, Entrypoint } = (await plan(`FROM a\n${text}\n`, { images })).targets[0]!.config.config;
    expect({ Cmd, Entrypoint }).toEqual(expected);
  });
});

describe("config", () => {
  test("everything that is only config, and its history", async () => {
    const text = `FROM scratch
LABEL a=1 "b c"="d e"
LABEL old style
EXPOSE 80 53/UDP 8000-8002 127.0.0.1:1:2
VOLUME /data ["x"]
VOLUME ["/a b"]
STOPSIGNAL SIGTERM
USER 1000:1000
MAINTAINER me
HEALTHCHECK --interval=1m30s --timeout=500ms --retries=3 CMD curl -f x
CMD ["a", "\\"b\\""]
ENTRYPOINT run it
`;
    const result = await plan(text, { labels: { z: "1", a: "2" } });
    expect(result.targets[0]!.config).toMatchInlineSnapshot(`
      {
        "architecture": "amd64",
        "author": "me",
        "config": {
          "ArgsEscaped": true,
          "Cmd": [
            "a",
            ""b"",
          ],
          "Entrypoint": [
            "/bin/sh",
            "-c",
            "run it",
          ],
          "Env": [
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
          ],
          "ExposedPorts": {
            "2/tcp": {},
            "53/udp": {},
            "80/tcp": {},
            "8000/tcp": {},
            "8001/tcp": {},
            "8002/tcp": {},
          },
          "Healthcheck": {
            "Interval": 90000000000,
            "Retries": 3,
            "Test": [
              "CMD-SHELL",
              "curl -f x",
            ],
            "Timeout": 500000000,
          },
          "Labels": {
            "a": "2",
            "b c": "d e",
            "old": "style",
            "z": "1",
          },
          "StopSignal": "SIGTERM",
          "User": "1000:1000",
          "Volumes": {
            "/a b": {},
            "/data": {},
            "[x]": {},
          },
          "WorkingDir": "/",
        },
        "os": "linux",
      }
    `);
    expect(describeHistory(result)).toMatchInlineSnapshot(`
      "
        LABEL a=1 b c=d e
        LABEL old=style
        EXPOSE [2/tcp 53/udp 80/tcp 8000/tcp 8001/tcp 8002/tcp]
        VOLUME [/data [x]]
        VOLUME [/a b]
        STOPSIGNAL SIGTERM
        USER 1000:1000
        MAINTAINER me
        HEALTHCHECK {Test:[CMD-SHELL curl -f x] Interval:1m30s Timeout:500ms StartPeriod:0s StartInterval:0s Retries:3}
        CMD ["a" "\\"b\\""]
        ENTRYPOINT ["/bin/sh" "-c" "run it"]
      "
    `);
  });

  test("the base's config is kept, with what nobody knows, and its platform becomes the target's", async () => {
    const images = new Images({
      "a:latest": {
        created: "2020-01-01T00:00:00Z",
        author: "someone",
        architecture: "arm64",
        variant: "v8",
        history: [{ created_by: "base" }],
        other: { moby: true },
        config: { Env: ["X=1"], OnBuild: [], other: { Custom: 1 } },
      },
    });
    const { targets } = await plan("FROM a\n", { images, platforms: ["linux/arm64"] });
    expect(targets[0]!.config).toEqual({
      os: "linux",
      architecture: "arm64",
      variant: "v8",
      author: "someone",
      other: { moby: true },
      config: {
        Env: ["X=1", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
        other: { Custom: 1 },
      },
    });
    expect(targets[0]!.history).toEqual([{ kind: "base", entry: { created_by: "base" } }]);
  });

  test("nobody asked for a platform: it is the base's", async () => {
    const [text, impliedPlatform] = ["FROM --platform=linux/arm64 a\n", true];
    const { targets } = await plan(text, { impliedPlatform });
    expect(targets[0]).toMatchObject({ platform: { architecture: "arm64" }, config: { architecture: "arm64" } });
    expect((await plan(text)).targets[0]).toMatchObject({ platform: { architecture: "amd64" } });
  });

  test("a base for another platform is noted, and the image says what was asked for", async () => {
    const images = new Images({ "a:latest": { os: "linux", architecture: "arm", variant: "v6" } });
    const { targets, notes } = await plan("FROM a\n", { images, platforms: ["linux/riscv64"] });
    expect(targets[0]!.config).toMatchObject({ architecture: "riscv64" });
    expect(targets[0]!.config.variant).toBeUndefined();
    expect(notes.map(({ code }) => code)).toEqual(["InvalidBaseImagePlatform"]);
  });
});

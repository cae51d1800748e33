import { expect, test } from "vitest";
import { matchKey } from "./match.ts";

test.each<[string[], string, string, string | undefined]>([
  [["ghcr.io"], "ghcr.io", "org/app", "ghcr.io"],
  [["https://ghcr.io"], "ghcr.io", "org/app", "https://ghcr.io"],
  [["https://ghcr.io/v1/"], "ghcr.io", "org/app", "https://ghcr.io/v1/"],
  [["ghcr.io/v2"], "ghcr.io", "org/app", "ghcr.io/v2"],
  [["GHCR.io"], "ghcr.io", "org/app", "GHCR.io"],
  [["ghcr.io:443"], "ghcr.io", "org/app", undefined],
  [["localhost"], "localhost:5000", "a", undefined],
  [["localhost:5000"], "localhost", "a", undefined],
  [["localhost:5000"], "localhost:50001", "a", undefined],
  [["evil.azurecr.io.attacker.com"], "evil.azurecr.io", "a", undefined],
  [["azurecr.io"], "evil.azurecr.io", "a", undefined],
  [["*.azurecr.io"], "evil.azurecr.io", "a", undefined],
  [["https://index.docker.io/v1/"], "docker.io", "library/x", "https://index.docker.io/v1/"],
  [["docker.io"], "docker.io", "library/x", "docker.io"],
  [["registry-1.docker.io"], "docker.io", "library/x", "registry-1.docker.io"],
  [["registry-1.docker.io", "https://index.docker.io/v1/"], "docker.io", "library/x", "https://index.docker.io/v1/"],
  [["docker.io"], "registry.docker.io.example", "library/x", undefined],
  [["quay.io", "quay.io/team", "quay.io/team/app"], "quay.io", "team/app/x", "quay.io/team/app"],
  [["quay.io", "quay.io/team", "quay.io/team/app"], "quay.io", "team/application", "quay.io/team"],
  [["quay.io/team"], "quay.io", "other/app", undefined],
  [["quay.io/team/"], "quay.io", "team", "quay.io/team/"],
  [[], "quay.io", "a", undefined],
])("of %j, %s/%s is served by %s", (keys, host, path, expected) => {
  expect(matchKey(keys, host, path)).toBe(expected);
});

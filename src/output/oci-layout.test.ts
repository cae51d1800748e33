import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parseIndex } from "../oci/image-index.ts";
import { parsePlatform } from "../oci/platform.ts";
import { parseReference } from "../oci/reference.ts";
import { assembleImage } from "./image.ts";
import { writeLayoutDirectory, type LayoutOptions } from "./oci-layout.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "layout-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** An image without layers, and of no other's digest. */
function layoutOf(tag: string, signal = new AbortController().signal): LayoutOptions {
  const platform = parsePlatform("linux/amd64");
  const image = assembleImage({
    platform,
    config: { ...platform, config: { Labels: { tag } } },
    layers: [],
    history: [],
    created: undefined,
    format: "oci",
    annotations: [],
  });
  const readBlob = (): never => {
    throw new Error("no blob is there");
  };
  return { images: [image], index: undefined, tags: [parseReference(tag)], epoch: undefined, signal, readBlob };
}

function names(): readonly (string | undefined)[] {
  const { manifests } = parseIndex(readFileSync(join(directory, "index.json")));
  return manifests.map(({ annotations }) => annotations?.["io.containerd.image.name"]);
}

test("builds that write into one directory at the same time keep each other's images", async () => {
  const tags = ["a:1", "b:1", "c:1", "d:1"];
  await Promise.all(tags.map((tag) => writeLayoutDirectory(layoutOf(tag), directory)));
  expect(names().toSorted()).toEqual(tags.map((tag) => `docker.io/library/${tag}`));
});

test("an image of the same name takes the old one's place", async () => {
  for (const tag of ["a:1", "b:1", "a:1"]) await writeLayoutDirectory(layoutOf(tag), directory);
  expect(names()).toEqual(["docker.io/library/b:1", "docker.io/library/a:1"]);
});

test("what is no layout gets nothing", async () => {
  writeFileSync(join(directory, "index.json"), "{");
  await expect(writeLayoutDirectory(layoutOf("a:1"), directory)).rejects.toMatchObject({ code: "OUTPUT_LAYOUT" });
  expect(readdirSync(directory)).toEqual(["index.json"]);
});

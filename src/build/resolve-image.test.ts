import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { digestOf, type Digest } from "../oci/digest.ts";
import { OCI_CONFIG, OCI_INDEX, OCI_MANIFEST } from "../oci/media-type.ts";
import { parsePlatform } from "../oci/platform.ts";
import { parseReference } from "../oci/reference.ts";
import { openStore, type Session, type Store } from "../store/store.ts";
import { ImageResolver, type ImageSource } from "./resolve-image.ts";

const PLATFORMS = ["linux/amd64", "linux/arm64"].map((name) => parsePlatform(name));
const DOCUMENTS = new Map<Digest, Uint8Array>();
const INDEX = keep({
  schemaVersion: 2,
  mediaType: OCI_INDEX,
  manifests: PLATFORMS.map((platform) => ({ mediaType: OCI_MANIFEST, ...imageOf(platform.architecture), platform })),
});

let root: string;
let store: Store;
let session: Session;
let asked: string[];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "manyarch-resolve-"));
  store = openStore(root);
  session = store.session();
  asked = [];
});
afterEach(async () => {
  await session.close();
  store.close();
  rmSync(root, { recursive: true, force: true });
});

test("platforms that are resolved at the same time share what they have in common", async () => {
  await resolveAll("registry.example/base:1");
  expect(asked.toSorted()).toEqual(["blob", "blob", "index", "manifest", "manifest", "resolve"]);
});

test("a later build asks what the tag names, and no registry for a digest that the store has", async () => {
  await resolveAll("registry.example/base:1");
  asked = [];
  await resolveAll("registry.example/base:1");
  expect(asked).toEqual(["resolve"]);
  asked = [];
  await resolveAll(`registry.example/base@${INDEX.digest}`);
  expect(asked).toEqual([]);
});

async function resolveAll(name: string): Promise<void> {
  const resolver = new ImageResolver(source(), store, () => session);
  const { signal } = new AbortController();
  const images = await Promise.all(
    PLATFORMS.map((platform) => resolver.resolve(parseReference(name), platform, signal)),
  );
  expect(images.map(({ platform }) => platform.architecture)).toEqual(["amd64", "arm64"]);
}

function source(): ImageSource {
  const bytesOf = (digest: Digest | undefined): Uint8Array => DOCUMENTS.get(digest ?? INDEX.digest)!;
  return {
    resolve: async () => {
      asked.push("resolve");
      return { mediaType: OCI_INDEX, ...INDEX };
    },
    getManifest: async ({ digest }) => {
      asked.push(digest === INDEX.digest ? "index" : "manifest");
      const bytes = bytesOf(digest);
      return { descriptor: { mediaType: OCI_MANIFEST, digest: digestOf(bytes), size: bytes.length }, bytes };
    },
    getBlob: async (_, { digest }, sink) => {
      asked.push("blob");
      sink.write(bytesOf(digest));
    },
  };
}

function imageOf(architecture: string): { readonly digest: Digest; readonly size: number } {
  const config = keep({ architecture, os: "linux", rootfs: { type: "layers", diff_ids: [] } });
  return keep({ schemaVersion: 2, mediaType: OCI_MANIFEST, config: { mediaType: OCI_CONFIG, ...config }, layers: [] });
}

function keep(document: object): { readonly digest: Digest; readonly size: number } {
  const bytes = Buffer.from(JSON.stringify(document));
  const digest = digestOf(bytes);
  DOCUMENTS.set(digest, bytes);
  return { digest, size: bytes.length };
}

import { mkdirSync, readFileSync } from "node:fs";
import { ensureArtefact } from "../bed/make.ts";
import { runTool } from "../bed/process.ts";

interface Document {
  readonly manifests?: readonly { readonly digest: string; readonly platform: { readonly architecture: string } }[];
  readonly layers?: readonly { readonly digest: string }[];
}

/** Lays the files of a base image of the bed out in `directory`, all of them owned by `uid`. */
export function unpackImage(name: string, tag: string, architecture: string, directory: string, uid: number): void {
  const registry = `${ensureArtefact("base-images")}/registry/docker/registry/v2`;
  const blob = (digest: string): string => {
    const hex = digest.slice("sha256:".length);
    return `${registry}/blobs/sha256/${hex.slice(0, 2)}/${hex}/data`;
  };
  const read = (digest: string): Document => JSON.parse(readFileSync(blob(digest), "utf8")) as Document;
  const link = `${registry}/repositories/library/${name}/_manifests/tags/${tag}/current/link`;
  const index = read(readFileSync(link, "utf8").trim());
  const manifest = index.manifests?.find(({ platform }) => platform.architecture === architecture);
  mkdirSync(directory, { recursive: true });
  for (const { digest } of read(manifest?.digest ?? "").layers ?? [])
    runTool("tar", ["-xzf", blob(digest), "-C", directory]);
  runTool("chown", ["-Rh", `${uid}:${uid}`, directory]);
  runTool("chmod", ["-R", "u+rwX", directory]);
}

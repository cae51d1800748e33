import type { FileState, Files } from "./files.ts";
import { fileKey, isStale } from "./owners.ts";
import type { FakeOwner, FakeOwners } from "./owners.ts";

/** What has been said of files while programs run. */
export interface OwnerBook {
  /** Of the file at `path`, which `state` is of. */
  find(state: Pick<FileState, "dev" | "ino">, path: string, follow: boolean): FakeOwner | undefined;
  put(state: Pick<FileState, "dev" | "ino">, path: string, follow: boolean, owner: FakeOwner): void;
  drop(state: Pick<FileState, "dev" | "ino">): void;
  all(): FakeOwners;
}

export function ownerBook(files: Files, known: FakeOwners): OwnerBook {
  const owners = new Map(known);
  return {
    find: ({ dev, ino }, path, follow) => {
      if (owners.size === 0) return undefined;
      const key = fileKey(dev, ino);
      const found = owners.get(key);
      if (found === undefined || !isStale(found, files.birth(path, follow))) return found;
      owners.delete(key);
      return undefined;
    },
    put: ({ dev, ino }, path, follow, owner) => {
      owners.set(fileKey(dev, ino), { ...owner, birth: files.birth(path, follow) });
    },
    drop: ({ dev, ino }) => {
      owners.delete(fileKey(dev, ino));
    },
    all: () => owners,
  };
}

import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { unlessGone } from "./files-below.ts";

/** Every form in which a secret may be written down. */
export function formsOf(secret: string, user = ""): readonly string[] {
  const base64 = (text: string): string => Buffer.from(text).toString("base64").replace(/=+$/, "");
  return [secret, base64(secret), base64(`${user}:${secret}`), encodeURIComponent(secret)];
}

/** `where: form` for each of `forms` that a file below `directory` has in its name or in its bytes, unpacked too. */
export function findBelow(directory: string, forms: readonly string[]): readonly string[] {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return files.flatMap((file) => {
    const path = join(file.parentPath, file.name);
    const bytes = readFileSync(path);
    return findIn(path, [Buffer.from(path), bytes, unpacked(bytes)], forms);
  });
}

/** The same for processes: their commands and environments. */
export function findInProcesses(pids: readonly number[], forms: readonly string[]): readonly string[] {
  return pids.flatMap((pid) =>
    ["cmdline", "environ"].flatMap((name) =>
      findIn(`process ${pid} ${name}`, [unlessGone(() => readFileSync(`/proc/${pid}/${name}`)) ?? ""], forms),
    ),
  );
}

export function findIn(
  where: string,
  texts: readonly (Buffer | string)[],
  forms: readonly string[],
): readonly string[] {
  return forms.filter((form) => texts.some((text) => text.includes(form))).map((form) => `${where}: ${form}`);
}

function unpacked(bytes: Buffer): Buffer {
  const magic = bytes.subarray(0, 4).toString("hex");
  if (magic.startsWith("1f8b")) return gunzipSync(bytes);
  return magic === "28b52ffd" ? zstdDecompressSync(bytes) : Buffer.alloc(0);
}

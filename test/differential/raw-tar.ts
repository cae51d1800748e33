import { AppError } from "../../src/base/errors.ts";

/**
 * A tar of members as they are written, one a line: no archiver makes absolute names, links before their
 * targets, devices or removals on request. cases/README.md has the form of a line.
 */
export function rawTar(text: string): Buffer {
  const members = text.split("\n").filter((line) => line.trim() !== "");
  return Buffer.concat([...members.map(member), Buffer.alloc(1024)]);
}

const LINE =
  /^(?<name>\S+)(?: (?<link>->|=) (?<target>\S+)| (?<device>char|block) (?<major>\d+):(?<minor>\d+)| (?<fifo>fifo)| "(?<content>[^"]*)")?(?: (?<mode>[0-7]{3,4}))?(?: (?<uid>\d+):(?<gid>\d+))?$/;

const TYPES: Readonly<Record<string, string>> = { "->": "2", "=": "1", char: "3", block: "4", fifo: "6" };

function member(line: string): Buffer {
  const found = LINE.exec(line)?.groups;
  if (found === undefined) throw new AppError("CASE_MALFORMED", `no member of an archive: ${line}`);
  const { name = "", link, target = "", device, fifo, content = "", mode, uid = "0", gid = "0" } = found;
  const isDirectory = name.endsWith("/") && link === undefined;
  const type = TYPES[link ?? device ?? fifo ?? ""] ?? (isDirectory ? "5" : "0");
  const body = Buffer.from(content);
  const header = Buffer.alloc(512);
  const put = (at: number, value: string): number => header.write(value, at, "latin1");
  const octal = (value: string | undefined, digits: number): string => Number(value).toString(8).padStart(digits, "0");
  put(0, name);
  put(100, (mode ?? (isDirectory ? "755" : "644")).padStart(7, "0"));
  put(108, octal(uid, 7));
  put(116, octal(gid, 7));
  put(124, octal(String(body.length), 11));
  put(136, octal("1400000000", 11));
  put(148, "        ");
  put(156, type);
  put(157, target);
  put(257, "ustar\x0000");
  if (device !== undefined) put(329, octal(found["major"], 7));
  if (device !== undefined) put(337, octal(found["minor"], 7));
  const sum = header.reduce((total, byte) => total + byte, 0);
  put(148, `${octal(String(sum), 6)}\0 `);
  return Buffer.concat([header, body, Buffer.alloc((512 - (body.length % 512)) % 512)]);
}

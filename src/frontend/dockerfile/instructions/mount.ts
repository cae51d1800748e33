import { AppError } from "../../../base/errors.ts";
import { parseBoolean, parseSize } from "../../../base/values.ts";
import type { InstructionNode, Word } from "../ast.ts";
import { didYouMean } from "../suggest.ts";
import { flagError } from "./flags.ts";
import { mountFields, parseId, parseMode } from "./mount-values.ts";

const TYPES = ["bind", "cache", "tmpfs", "secret", "ssh"] as const;
const SHARINGS = ["shared", "private", "locked"] as const;

/** A `--mount=` of RUN, its variables expanded. */
export interface MountOptions {
  readonly type: (typeof TYPES)[number];
  readonly from?: string | undefined;
  readonly source?: string | undefined;
  readonly target?: string | undefined;
  readonly readonly: boolean;
  readonly id?: string | undefined;
  readonly sharing?: (typeof SHARINGS)[number] | undefined;
  readonly required: boolean;
  readonly env?: string | undefined;
  /** Bytes, of a tmpfs. */
  readonly size?: number | undefined;
  readonly mode?: number | undefined;
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
}

/** What `from=` of a mount names, as written: it is the only value without variables. */
export function mountFrom(word: Word): string | undefined {
  return mountFields(word.text).findLast(({ key }) => key === "from")?.value || undefined;
}

/** Reads a mount. Throws `DOCKERFILE_FLAG` at its place. */
export function parseMount(node: InstructionNode, word: Word, expand: (text: string) => string): MountOptions {
  try {
    return checkMount(collect(word.text, expand));
  } catch (error) {
    if (!(error instanceof MountError)) throw error;
    throw flagError(node, word, `--mount ${error.message}`, error.hint ?? "");
  }
}

type Collected = { -readonly [K in keyof MountOptions]?: MountOptions[K] };

function collect(text: string, expand: (text: string) => string): Collected {
  const options: Collected = { type: "bind" };
  for (const { key, value } of mountFields(text))
    setOption(options, key, value === undefined ? undefined : expand(value));
  return options;
}

function setOption(options: Collected, key: string, value: string | undefined): void {
  const flag = FLAGS[key];
  if (flag !== undefined) return flag(options, value === undefined ? true : required(parseBoolean(value), key, value));
  const read = Object.hasOwn(VALUES, key) ? VALUES[key] : undefined;
  if (read === undefined) {
    const keys = [...Object.keys(VALUES), ...Object.keys(FLAGS)];
    throw new MountError(`has no option ${key}`, `${didYouMean(key, keys)}Options are ${keys.join(", ")}.`);
  }
  if (value === undefined) throw new MountError(`option ${key} has no value`, `Write ${key}=VALUE.`);
  read(options, value, key);
}

const FLAGS: Readonly<Record<string, (options: Collected, value: boolean) => void>> = {
  readonly: (options, value) => void (options.readonly = value),
  ro: (options, value) => void (options.readonly = value),
  readwrite: (options, value) => void (options.readonly = !value),
  rw: (options, value) => void (options.readonly = !value),
  required: (options, value) => void (options.required = value),
};

const setTarget = (options: Collected, value: string): void => void (options.target = value);
const setSource = (options: Collected, value: string): void => void (options.source = value);

const VALUES: Readonly<Record<string, (options: Collected, value: string, key: string) => void>> = {
  type: (options, value) => void (options.type = oneOf(TYPES, "type", value)),
  // An empty one names nothing, as in BuildKit.
  from: (options, value) => void (options.from = value || undefined),
  source: setSource,
  src: setSource,
  target: setTarget,
  dst: setTarget,
  destination: setTarget,
  id: (options, value) => void (options.id = value),
  sharing: (options, value) => void (options.sharing = oneOf(SHARINGS, "sharing", value)),
  size: (options, value, key) => void (options.size = required(parseSize(value), key, value)),
  mode: (options, value, key) => void (options.mode = required(parseMode(value), key, value)),
  uid: (options, value, key) => void (options.uid = required(parseId(value), key, value)),
  gid: (options, value, key) => void (options.gid = required(parseId(value), key, value)),
  env: (options, value) => void (options.env = value),
};

/** What goes with what, as BuildKit has it. */
function checkMount(options: Collected): MountOptions {
  const { type = "bind", mode, uid, gid } = options;
  const only = (option: keyof Collected, ...types: readonly MountOptions["type"][]): void => {
    if (options[option] === undefined || types.includes(type)) return;
    throw new MountError(
      `of type ${type} has no option ${option}`,
      `It is for ${types.join(" and ")} mounts: leave it out.`,
    );
  };
  only("required", "secret", "ssh");
  only("size", "tmpfs");
  only("sharing", "cache");
  only("env", "secret");
  only("mode", "cache", "secret", "ssh");
  only("uid", "cache", "secret", "ssh");
  only("gid", "cache", "secret", "ssh");
  if (type === "secret") checkSecret(options);
  if (type === "ssh" && options.source !== undefined) {
    throw new MountError("of type ssh has no option source", "Name the agent with id=NAME.");
  }
  return {
    ...options,
    ...{ type, mode, uid, gid },
    readonly: options.readonly ?? !(type === "cache" || type === "tmpfs"),
    required: options.required ?? false,
  };
}

function checkSecret({ from, source, target, id }: Collected): void {
  if (from !== undefined) throw new MountError("of type secret has no option from", "Leave it out.");
  if (!source && !target && !id) throw new MountError("of type secret has no id", "Write --mount=type=secret,id=NAME.");
  if (source && id) throw new MountError("of type secret has both source and id", "Keep id.");
}

function oneOf<const T extends string>(options: readonly T[], key: string, value: string): T {
  const found = options.find((option) => option === value.toLowerCase());
  if (found !== undefined) return found;
  throw new MountError(
    `has ${key} ${JSON.stringify(value)}`,
    `${didYouMean(value, options)}It is one of ${options.join(", ")}.`,
  );
}

function required<T>(value: T | undefined, key: string, text: string): T {
  if (value !== undefined) return value;
  throw new MountError(
    `has ${key} ${JSON.stringify(text)}, which cannot be read`,
    HINTS[key] ?? "Write true or false.",
  );
}

const HINTS: Readonly<Record<string, string>> = {
  size: "Write bytes, or a number with k, m or g.",
  mode: "Write an octal number such as 0755.",
  uid: "Write a number.",
  gid: "Write a number.",
};

class MountError extends AppError {
  constructor(message: string, hint: string) {
    super("DOCKERFILE_FLAG", message, { hint });
  }
}

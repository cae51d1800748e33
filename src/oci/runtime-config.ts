import {
  asObject,
  at,
  booleanField,
  checkSpelling,
  integerField,
  objectField,
  stringField,
  stringMapField,
  stringsField,
} from "./fields.ts";
import type { Where } from "./fields.ts";
import type { JsonObject } from "./json.ts";

/** How a container of the image is run: the member `config` of an image config, in its own names. */
export interface RuntimeConfig {
  readonly User?: string | undefined;
  /** `8080/tcp` and the like; the values are empty objects. */
  readonly ExposedPorts?: Readonly<Record<string, JsonObject>> | undefined;
  /** `NAME=value`. */
  readonly Env?: readonly string[] | undefined;
  readonly Entrypoint?: readonly string[] | undefined;
  readonly Cmd?: readonly string[] | undefined;
  readonly Volumes?: Readonly<Record<string, JsonObject>> | undefined;
  readonly WorkingDir?: string | undefined;
  readonly Labels?: Readonly<Record<string, string>> | undefined;
  readonly StopSignal?: string | undefined;
  readonly ArgsEscaped?: boolean | undefined;
  /** With OnBuild and Shell: docker's own, absent from the image-spec. */
  readonly Healthcheck?: Healthcheck | undefined;
  readonly OnBuild?: readonly string[] | undefined;
  readonly Shell?: readonly string[] | undefined;
  /** Members that are none of the above, kept as they are. */
  readonly other?: JsonObject | undefined;
}

/** Times in nanoseconds; 0 or absent is inherited. */
export interface Healthcheck {
  /** `["NONE"]`, `["CMD", …]` or `["CMD-SHELL", command]`. */
  readonly Test?: readonly string[] | undefined;
  readonly Interval?: number | undefined;
  readonly Timeout?: number | undefined;
  readonly StartPeriod?: number | undefined;
  readonly StartInterval?: number | undefined;
  readonly Retries?: number | undefined;
}

/** In the order in which they are written. */
export const RUNTIME_FIELDS = [
  "User",
  "ExposedPorts",
  "Env",
  "Entrypoint",
  "Cmd",
  "Volumes",
  "WorkingDir",
  "Labels",
  "StopSignal",
  "ArgsEscaped",
  "Healthcheck",
  "OnBuild",
  "Shell",
] as const;

export function parseRuntimeConfig(object: JsonObject, where: Where): RuntimeConfig {
  checkSpelling(object, RUNTIME_FIELDS, where);
  const other = Object.entries(object).filter(([key]) => !RUNTIME_FIELDS.some((field) => field === key));
  return withoutAbsent({
    User: stringField(object, "User", where),
    ExposedPorts: emptyObjects(object, "ExposedPorts", where),
    Env: stringsField(object, "Env", where),
    Entrypoint: stringsField(object, "Entrypoint", where),
    Cmd: stringsField(object, "Cmd", where),
    Volumes: emptyObjects(object, "Volumes", where),
    WorkingDir: stringField(object, "WorkingDir", where),
    Labels: stringMapField(object, "Labels", where),
    StopSignal: stringField(object, "StopSignal", where),
    ArgsEscaped: booleanField(object, "ArgsEscaped", where),
    Healthcheck: healthcheck(object, where),
    OnBuild: stringsField(object, "OnBuild", where),
    Shell: stringsField(object, "Shell", where),
    other: other.length > 0 ? Object.fromEntries(other) : undefined,
  });
}

/** A map whose values carry nothing. Docker of old wrote null. */
function emptyObjects(object: JsonObject, key: string, where: Where): Readonly<Record<string, JsonObject>> | undefined {
  const map = objectField(object, key, where);
  if (map === undefined) return undefined;
  const names = Object.entries(map).map(([name, value]): [string, JsonObject] => [
    name,
    value === null ? {} : asObject(value, at(where, `${key}.${name}`)),
  ]);
  return Object.fromEntries(names);
}

function healthcheck(object: JsonObject, where: Where): Healthcheck | undefined {
  const check = objectField(object, "Healthcheck", where);
  if (check === undefined) return undefined;
  const place = at(where, "Healthcheck");
  return withoutAbsent({
    Test: stringsField(check, "Test", place),
    Interval: integerField(check, "Interval", place),
    Timeout: integerField(check, "Timeout", place),
    StartPeriod: integerField(check, "StartPeriod", place),
    StartInterval: integerField(check, "StartInterval", place),
    Retries: integerField(check, "Retries", place),
  });
}

function withoutAbsent<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as T;
}

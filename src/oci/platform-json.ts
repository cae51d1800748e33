import { asObject, checkSpelling, stringField, stringsField } from "./fields.ts";
import type { Where } from "./fields.ts";
import type { JsonObject, JsonValue } from "./json.ts";
import type { Platform } from "./platform.ts";

const FIELDS = ["architecture", "os", "os.version", "os.features", "variant"] as const;

/** Reads the `platform` of a descriptor, as it stands. Absent names are empty, as attestations of old have them. */
export function parsePlatformObject(value: JsonValue | undefined, where: Where): Platform {
  const object = asObject(value, where);
  checkSpelling(object, FIELDS, where);
  return platformFields(object, where);
}

/** The platform that the members `os`, `architecture` and so on of `object` say; of a config too. */
export function platformFields(object: JsonObject, where: Where): Platform {
  const variant = stringField(object, "variant", where);
  const osVersion = stringField(object, "os.version", where);
  const osFeatures = stringsField(object, "os.features", where);
  return {
    os: stringField(object, "os", where) ?? "",
    architecture: stringField(object, "architecture", where) ?? "",
    ...(variant && { variant }),
    ...(osVersion && { osVersion }),
    ...(osFeatures && osFeatures.length > 0 && { osFeatures }),
  };
}

/** The members of a document, in the order of the image-spec's Go types. */
export function platformObject(platform: Platform): JsonObject {
  return {
    architecture: platform.architecture,
    os: platform.os,
    ...(platform.osVersion && { "os.version": platform.osVersion }),
    ...(platform.osFeatures?.length && { "os.features": platform.osFeatures }),
    ...(platform.variant && { variant: platform.variant }),
  };
}

/** What goes wrong, as each builder says it. */
export interface ErrorKind {
  readonly manyarch: RegExp;
  readonly buildkit: RegExp;
  readonly buildah: RegExp;
}

/** Any error: buildah often only says that something went wrong, somewhere. */
const ANY = /./;

export const ERROR_KINDS: Readonly<Record<string, ErrorKind>> = {
  "not found": {
    manyarch: /COPY_NOT_FOUND/,
    buildkit: /not found|no such file/,
    buildah: /no such file|not found|no items matching/,
  },
  "too many links": { manyarch: /PATH_SYMLINK_LOOP/, buildkit: /too many links|not found/, buildah: ANY },
  "bad pattern": { manyarch: /COPY_PATTERN_INVALID/, buildkit: /syntax error in pattern/, buildah: ANY },
  "file over directory": { manyarch: /COPY_TYPE_CONFLICT/, buildkit: /directory|file exists/, buildah: ANY },
  "directory over file": { manyarch: /COPY_TYPE_CONFLICT/, buildkit: /not a directory|non-directory/, buildah: ANY },
  "directory over link": { manyarch: /COPY_TYPE_CONFLICT/, buildkit: /not a directory|non-directory/, buildah: ANY },
  "parent is a file": { manyarch: /COPY_TYPE_CONFLICT/, buildkit: /not a directory/, buildah: ANY },
  "unknown owner": { manyarch: /OWNER_UNKNOWN/, buildkit: /invalid user index/, buildah: ANY },
  "bad mode": { manyarch: /DOCKERFILE_FLAG/, buildkit: /chmod/, buildah: ANY },
  "unknown stage or image": {
    manyarch: /REGISTRY_|MANIFEST_/,
    buildkit: /failed to (do request|resolve)|lookup/,
    buildah: ANY,
  },
  "unknown stage": { manyarch: /DOCKERFILE_UNKNOWN_STAGE/, buildkit: /stage/, buildah: ANY },
  "stage order": { manyarch: /DOCKERFILE_STAGE_ORDER/, buildkit: /circular|defined before/, buildah: ANY },
  "from is not expanded": { manyarch: /DOCKERFILE_FLAG/, buildkit: /variable expansion/, buildah: ANY },
  "checksum of local": { manyarch: /DOCKERFILE_FLAG/, buildkit: /checksum requires/, buildah: ANY },
  "broken archive": {
    manyarch: /LAYER_|ADD_|TAR_/,
    buildkit: /unexpected EOF|corrupted|not a directory/,
    buildah: ANY,
  },
  "bad owner": { manyarch: /OWNER_INVALID/, buildkit: /invalid user index/, buildah: ANY },
  "archive name": { manyarch: /TAR_UNSAFE_PATH/, buildkit: /no such file/, buildah: ANY },
  "bad link": { manyarch: /LAYER_INVALID/, buildkit: /no such file/, buildah: ANY },
  "whiteout in archive": { manyarch: /ADD_ARCHIVE_NAME/, buildkit: ANY, buildah: ANY },
  "unterminated heredoc": { manyarch: /DOCKERFILE_SYNTAX/, buildkit: /unterminated heredoc/, buildah: ANY },
  "no from": {
    manyarch: /DOCKERFILE_EMPTY|DOCKERFILE_NO_FROM/,
    buildkit: /no instructions|empty|no build stage|contains no stages/,
    buildah: ANY,
  },
  "unknown instruction": { manyarch: /DOCKERFILE_UNKNOWN_INSTRUCTION/, buildkit: /unknown instruction/, buildah: ANY },
  "unknown flag": { manyarch: /DOCKERFILE_UNKNOWN_FLAG/, buildkit: /unknown flag/, buildah: ANY },
  "flag without value": { manyarch: /DOCKERFILE_FLAG/, buildkit: /flag/, buildah: ANY },
  "flag twice": { manyarch: /DOCKERFILE_FLAG/, buildkit: /duplicate flag/, buildah: ANY },
  arguments: { manyarch: /DOCKERFILE_ARGUMENTS/, buildkit: /requires|arguments/, buildah: ANY },
  "stage name": { manyarch: /DOCKERFILE_STAGE_NAME/, buildkit: /invalid name/, buildah: ANY },
  "env without value": {
    manyarch: /DOCKERFILE_SYNTAX/,
    buildkit: /must have two arguments|can't find =/,
    buildah: ANY,
  },
  "unclosed quote": { manyarch: /DOCKERFILE_EXPANSION/, buildkit: /unexpected end of statement/, buildah: ANY },
  "unclosed brace": { manyarch: /DOCKERFILE_EXPANSION/, buildkit: /unsupported modifier|syntax error/, buildah: ANY },
  "bad modifier": { manyarch: /DOCKERFILE_EXPANSION/, buildkit: /unsupported modifier/, buildah: ANY },
  "required variable": { manyarch: /DOCKERFILE_VARIABLE_REQUIRED/, buildkit: /tell me/, buildah: ANY },
  "empty image": {
    manyarch: /DOCKERFILE_UNDEFINED_ARG|DOCKERFILE_EMPTY_NAME/,
    buildkit: /should not be blank/,
    buildah: ANY,
  },
  "shell not json": { manyarch: /DOCKERFILE_ARGUMENTS/, buildkit: /JSON/, buildah: ANY },
  "bad duration": { manyarch: /DOCKERFILE_FLAG/, buildkit: /duration/, buildah: ANY },
  "bad healthcheck": { manyarch: /DOCKERFILE_ARGUMENTS/, buildkit: /Unknown type|unknown type/, buildah: ANY },
  "bad port": { manyarch: /DOCKERFILE_PORT/, buildkit: /[Pp]ort/, buildah: ANY },
  "empty volume": {
    manyarch: /DOCKERFILE_ARGUMENTS/,
    buildkit: /VOLUME specified can not be an empty string/,
    buildah: ANY,
  },
  "run unknown user": { manyarch: /OWNER_UNKNOWN/, buildkit: /unable to find user|no matching entries/, buildah: ANY },
  "workdir over file": {
    manyarch: /DOCKERFILE_WORKDIR_CONFLICT|COPY_TYPE_CONFLICT/,
    buildkit: /not a directory/,
    buildah: ANY,
  },
  "empty workdir": { manyarch: /DOCKERFILE_ARGUMENTS/, buildkit: /requires exactly one argument/, buildah: ANY },
  "bad signal": { manyarch: /DOCKERFILE_SIGNAL/, buildkit: /signal/, buildah: ANY },
  "unknown target": {
    manyarch: /DOCKERFILE_TARGET_NOT_FOUND/,
    buildkit: /target stage .* could not be found/,
    buildah: ANY,
  },
  "bad platform": { manyarch: /PLATFORM_INVALID/, buildkit: /platform/, buildah: ANY },
  "bad epoch": { manyarch: /DOCKERFILE_EPOCH|USAGE/, buildkit: /SOURCE_DATE_EPOCH/, buildah: ANY },
  "onbuild of onbuild": { manyarch: /DOCKERFILE_ARGUMENTS/, buildkit: /Chaining ONBUILD/, buildah: ANY },
  "onbuild of from": { manyarch: /DOCKERFILE_ARGUMENTS/, buildkit: /FROM isn't allowed/, buildah: ANY },
  "onbuild of maintainer": { manyarch: /DOCKERFILE_ARGUMENTS/, buildkit: /MAINTAINER isn't allowed/, buildah: ANY },
  "onbuild of unknown": { manyarch: /DOCKERFILE_UNKNOWN_INSTRUCTION/, buildkit: /unknown instruction/, buildah: ANY },
  "run failed": { manyarch: /RUN_FAILED/, buildkit: /did not complete successfully/, buildah: ANY },
  insecure: { manyarch: /DOCKERFILE_NOT_ALLOWED/, buildkit: /security.insecure/, buildah: ANY },
  "bad network": { manyarch: /DOCKERFILE_FLAG/, buildkit: /network/, buildah: ANY },
  "mount source": { manyarch: /RUN_MOUNT_NOT_FOUND|COPY_NOT_FOUND/, buildkit: /not found/, buildah: ANY },
  "secret missing": { manyarch: /SECRET_MISSING/, buildkit: /secret absent: not found/, buildah: ANY },
  "ssh missing": { manyarch: /SSH_MISSING/, buildkit: /ssh|forward/, buildah: ANY },
  "bad mount": { manyarch: /DOCKERFILE_FLAG/, buildkit: /mount|unexpected key|target/, buildah: ANY },
  "bad mount target": { manyarch: /DOCKERFILE_FLAG|RUN_MOUNT_TARGET/, buildkit: /invalid mount target/, buildah: ANY },
  "bad ignore pattern": { manyarch: /IGNORE_PATTERN_INVALID/, buildkit: /syntax error in pattern/, buildah: ANY },
};

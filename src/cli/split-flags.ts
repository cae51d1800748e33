/**
 * `--build-arg[linux/arm64] NAME=value` as the command line parser can read it: the platform goes in
 * front of the value, where no name of an argument can begin with a bracket.
 */
export function splitPlatformFlags(argv: readonly string[]): readonly string[] {
  const split: string[] = [];
  for (let index = 0; index < argv.length; index++) {
    const text = argv[index] ?? "";
    if (text === "--") return [...split, ...argv.slice(index)];
    const [, platform, value] = /^--build-arg(\[[^\]=]*\])(?:=([^]*))?$/.exec(text) ?? [];
    if (platform === undefined) split.push(text);
    else split.push("--build-arg", platform + (value ?? argv[++index] ?? ""));
  }
  return split;
}

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const SCRIPT = `#!/bin/sh
while [ "$1" != --log ]; do shift; done
echo '{"level":"error","msg":"cannot work here"}' > "$2"
exit 1
`;

/** Makes `directory` with a crun that makes no container, for the front of PATH: runc is used then. */
export function makeBrokenCrun(directory: string): string {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "crun"), SCRIPT, { mode: 0o755 });
  return directory;
}

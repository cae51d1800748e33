/**
 * The shell between control and worker. It is in a session of its own, so that what a terminal or
 * `kill -PGID` sends reaches only control, and it outlives control for as long as it takes to clean up:
 *
 * 1. It says on the channel that it is there, in the new user namespace if there is to be one, and waits
 *    until it is let on, when its ids are mapped.
 * 2. It starts the worker as the first process of a new pid namespace, whose end is the end of all in it.
 * 3. It waits for the end of its standard input, which comes when control dies in whatever way.
 * 4. It kills the worker, waits until the kernel has taken down everything that it started, mounts
 *    included, and removes the session's directory, as the only one who may: what RUNs leave there has
 *    other owners. `exec`, since nobody can start a process any more in a pid namespace that has ended;
 *    in silence, since there may be nobody left to read what it says, and SIGPIPE would end it.
 *
 * Is the shell itself killed, the worker dies with it (PDEATHSIG).
 */
const LET_ON = `echo >&3
read -r _ || exit 1
`;

const ENTER = `${LET_ON}exec unshare --pid -- /bin/sh -c "$0" guard "$@"`;

/**
 * Before it has a cgroup namespace, which nothing of version 2 may leave; a worker that could not enter finds
 * out by itself. `find` removes the cgroups as well ({@link removal}); where there is none, the next build does.
 */
const CGROUPS = `set -f
IFS='
'
enter() {
  for cgroup in $cgroups; do echo 0 2>/dev/null >"$cgroup/cgroup.procs"; done
  exec "$@"
}`;

const GUARD = `session=$1 cgroups=$2 removal=$3
shift 3
${CGROUPS}
enter setpriv --pdeathsig KILL -- unshare --mount --ipc --cgroup -- "$@" </dev/null &
worker=$!
exec 3>&-
read -r _
exec 2>/dev/null
kill -KILL $worker
wait $worker
[ -z "$cgroups" ] || ! command -v find || exec find "$session" $removal
exec rm -rf -- "$session"`;

/**
 * Where there are no namespaces: what the worker started is found by its mark (sandbox/launch/marks.ts),
 * again and again until nothing is, since a process may start another one meanwhile.
 */
const PLAIN_GUARD = `${LET_ON}session=$1 cgroups=$2 removal=$3 mark=$4
shift 4
${CGROUPS}
enter "$@" </dev/null &
worker=$!
exec 3>&-
read -r _
exec 2>/dev/null
kill -KILL $worker
wait $worker
set +f
for round in 1 2 3 4 5 6 7 8 9; do
  found=
  for limits in $(grep -l "^Max file locks  *$mark" /proc/[0-9]*/limits); do
    pid=\${limits#/proc/}
    kill -KILL "\${pid%/limits}" && found=yes
  done
  [ -n "$found" ] || break
done
set -f
[ -z "$cgroups" ] || find $removal
rm -rf -- "$session" && exit 0
chmod -R u+rwX -- "$session"
exec rm -rf -- "$session"`;

/** What a guard removes in the end. */
export interface Guarded {
  readonly session: string;
  /** Cgroups that the worker begins in (sandbox/cgroups/session-cgroups.ts). */
  readonly cgroups: readonly string[];
}

/** The command that guards `worker`, a command itself, in namespaces, and removes what it is given. Both scripts read standard input and descriptor 3. */
export function guardArgv(
  userNamespace: boolean,
  { session, cgroups }: Guarded,
  worker: readonly string[],
): readonly string[] {
  const unshare = userNamespace ? ["unshare", "--user", "--"] : [];
  return [...unshare, "/bin/sh", "-c", ENTER, GUARD, session, cgroups.join("\n"), removal(cgroups), ...worker];
}

/** As {@link guardArgv}, for a worker without namespaces, whose processes carry marks that begin with `mark`. */
export function plainGuardArgv(
  mark: string,
  { session, cgroups }: Guarded,
  worker: readonly string[],
): readonly string[] {
  return ["/bin/sh", "-c", PLAIN_GUARD, "guard", session, cgroups.join("\n"), removal(cgroups), mark, ...worker];
}

/** Arguments of find(1), a line each: it goes through `cgroups` too, of which only the directories can be removed. */
function removal(cgroups: readonly string[]): string {
  const files = cgroups.flatMap((cgroup) => ["!", "-path", `${cgroup.replace(/[\\*?[]/g, "\\$&")}/*`]);
  return [...cgroups, "-depth", "(", "-type", "d", "-o", "(", ...files, ")", ")", "-delete"].join("\n");
}

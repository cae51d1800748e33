/**
 * The shell between control and worker. It is in a session of its own, so that what a terminal or
 * `kill -PGID` sends reaches only control, and it outlives control for as long as it takes to clean up:
 *
 * 1. In the new user namespace it says so on the channel and waits until its ids are mapped.
 * 2. It starts the worker as the first process of a new pid namespace, whose end is the end of all in it.
 * 3. It waits for the end of its standard input, which comes when control dies in whatever way.
 * 4. It kills the worker, waits until the kernel has taken down everything that it started, mounts
 *    included, and removes the session's directory, as the only one who may: what RUNs leave there has
 *    other owners. `exec`, since nobody can start a process any more in a pid namespace that has ended;
 *    in silence, since there may be nobody left to read what it says, and SIGPIPE would end it.
 *
 * Is the shell itself killed, the worker dies with it (PDEATHSIG).
 */
const MAP_IDS = `echo >&3
read -r _ || exit 1
exec unshare --pid -- /bin/sh -c "$0" guard "$@"`;

const GUARD = `session=$1
shift
setpriv --pdeathsig KILL -- unshare --mount --ipc --cgroup --mount-proc -- "$@" </dev/null &
worker=$!
exec 3>&-
read -r _
exec 2>/dev/null
kill -KILL $worker
wait $worker
exec rm -rf -- "$session"`;

/** The command that guards `worker`, a command itself, and removes `session`. Both scripts read standard input and descriptor 3. */
export function guardArgv(userNamespace: boolean, session: string, worker: readonly string[]): readonly string[] {
  const unshare = userNamespace ? ["unshare", "--user", "--"] : [];
  return [...unshare, "/bin/sh", "-c", MAP_IDS, GUARD, session, ...worker];
}

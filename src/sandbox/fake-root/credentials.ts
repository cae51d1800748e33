/** The ids that a thread believes it has. Never changed: a thread gets others. */
export interface Credentials {
  readonly uid: Ids;
  readonly gid: Ids;
  readonly groups: readonly number[];
  /** Root's capabilities, which PR_SET_KEEPCAPS keeps for whom it becomes: until it executes something, and idle until it asks. */
  readonly kept?: "idle" | "inForce" | undefined;
}

export interface Ids {
  readonly real: number;
  readonly effective: number;
  readonly saved: number;
  /** What files are accessed and made with. */
  readonly file: number;
}

const EPERM = 1;
/** -1 as an id: leave it. */
const SAME = -1;

export function credentialsOf(uid: number, gid: number, groups: readonly number[]): Credentials {
  return { uid: allIds(uid), gid: allIds(gid), groups };
}

/** Whether it may what root may. */
export function isRoot({ uid, kept }: Credentials): boolean {
  return uid.effective === 0 || kept === "inForce";
}

/** setuid(2) and setgid(2) for one kind of id, or an errno. */
export function setId(ids: Ids, to: number, privileged: boolean): Ids | number {
  if (privileged) return allIds(to);
  if (to !== ids.real && to !== ids.saved) return -EPERM;
  return { ...ids, effective: to, file: to };
}

/** setreuid(2) and setregid(2). */
export function setRealEffective(ids: Ids, real: number, effective: number, privileged: boolean): Ids | number {
  const mayBeReal = real === SAME || real === ids.real || real === ids.effective;
  const mayBeEffective = effective === SAME || [ids.real, ids.effective, ids.saved].includes(effective);
  if (!privileged && !(mayBeReal && mayBeEffective)) return -EPERM;
  const next = { real: pick(real, ids.real), effective: pick(effective, ids.effective) };
  const savesEffective = real !== SAME || (effective !== SAME && effective !== ids.real);
  return { ...next, saved: savesEffective ? next.effective : ids.saved, file: next.effective };
}

/** setresuid(2) and setresgid(2). */
export function setAll(ids: Ids, to: readonly [number, number, number], privileged: boolean): Ids | number {
  const own = new Set([SAME, ids.real, ids.effective, ids.saved]);
  if (!privileged && !to.every((id) => own.has(id))) return -EPERM;
  const effective = pick(to[1], ids.effective);
  return { real: pick(to[0], ids.real), effective, saved: pick(to[2], ids.saved), file: effective };
}

/** setfsuid(2) and setfsgid(2), which do not fail but change nothing. */
export function setFile(ids: Ids, to: number, privileged: boolean): Ids {
  const allowed = privileged || [ids.real, ids.effective, ids.saved, ids.file].includes(to);
  return allowed && to !== SAME ? { ...ids, file: to } : ids;
}

/** What executing a file with the bits setuid or setgid makes of ids. */
export function become(ids: Ids, owner: number): Ids {
  return { ...ids, effective: owner, saved: owner, file: owner };
}

function allIds(id: number): Ids {
  return { real: id, effective: id, saved: id, file: id };
}

function pick(wanted: number, current: number): number {
  return wanted === SAME ? current : wanted;
}

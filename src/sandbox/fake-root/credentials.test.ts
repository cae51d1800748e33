import { expect, test } from "vitest";
import { become, credentialsOf, setAll, setFile, setId, setRealEffective } from "./credentials.ts";

const root = credentialsOf(0, 0, []).uid;
const user = credentialsOf(33, 33, []).uid;
const EPERM = -1;

test("root becomes anybody, for good", () => {
  const bob = setId(root, 33, true);
  expect(bob).toEqual(user);
  expect(setId(user, 0, false)).toBe(EPERM);
  expect(setAll(user, [0, 0, 0], false)).toBe(EPERM);
  expect(setRealEffective(user, 0, -1, false)).toBe(EPERM);
});

test("a saved id can be taken up again", () => {
  const lowered = setAll(root, [-1, 33, -1], true);
  expect(lowered).toEqual({ real: 0, effective: 33, saved: 0, file: 33 });
  expect(typeof lowered === "object" && setId(lowered, 0, false)).toEqual({ real: 0, effective: 0, saved: 0, file: 0 });
});

test("real and effective ids are set as setreuid(2) tells", () => {
  expect(setRealEffective(root, 33, 33, true)).toEqual(user);
  // The saved one follows where the real one is set, or the effective one is not what the real one was.
  expect(setRealEffective(root, -1, 33, true)).toEqual({ real: 0, effective: 33, saved: 33, file: 33 });
});

test("a setuid program gains its owner's effective id only", () => {
  const gained = become(user, 0);
  expect(gained).toEqual({ real: 33, effective: 0, saved: 0, file: 0 });
  expect(setFile(gained, 33, true)).toEqual({ ...gained, file: 33 });
  expect(setFile(user, 0, false)).toEqual(user);
});

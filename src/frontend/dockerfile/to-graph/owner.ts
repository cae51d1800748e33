/**
 * An owner as `USER[:GROUP]`, in the form steps have it: what is left out before or behind the colon
 * is 0, and so is root, which needs no file of users to be found in. Other names are for the worker.
 */
export function normalizeOwner(text: string): string {
  const colon = text.indexOf(":");
  if (colon < 0) return idOf(text);
  return `${idOf(text.slice(0, colon))}:${idOf(text.slice(colon + 1))}`;
}

function idOf(name: string): string {
  return name === "" || name === "root" ? "0" : name;
}

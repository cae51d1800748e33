/** What a token is wanted for (distribution, "Token Scope Documentation"). */
export interface Scope {
  readonly type: string;
  readonly name: string;
  readonly actions: readonly string[];
}

export function pullScope(path: string): Scope {
  return { type: "repository", name: path, actions: ["pull"] };
}

export function pushScope(path: string): Scope {
  return { type: "repository", name: path, actions: ["pull", "push"] };
}

export function formatScope(scope: Scope): string {
  return `${scope.type}:${scope.name}:${scope.actions.join(",")}`;
}

/** Reads a challenge's `scope`: several scopes are parted by spaces, a name may hold colons. */
export function parseScopes(text: string): Scope[] {
  return text.split(/\s+/).flatMap((entry) => {
    const match = /^([^:]+):(.+):([^:]*)$/.exec(entry);
    if (match === null) return [];
    const [, type = "", name = "", actions = ""] = match;
    return [{ type, name, actions: actions.split(",").filter((action) => action !== "") }];
  });
}

/** Both lists, each name once; the order of `first` stays, as some servers read only the first scope. */
export function mergeScopes(first: readonly Scope[], second: readonly Scope[]): Scope[] {
  const merged = new Map<string, Scope>();
  for (const scope of [...first, ...second]) {
    const key = `${scope.type}:${scope.name}`;
    const known = merged.get(key)?.actions ?? [];
    merged.set(key, { ...scope, actions: [...new Set([...known, ...scope.actions])] });
  }
  return [...merged.values()];
}

/** One string per permission, for comparing what a token was given for with what is needed. */
export function permissionsOf(scopes: readonly Scope[]): string[] {
  return scopes.flatMap(({ type, name, actions }) => actions.map((action) => `${type}:${name}:${action}`));
}

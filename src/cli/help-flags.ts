/** Flags as the command line parser takes them, as far as help is concerned. */
type Flags = Readonly<Record<string, { readonly brief?: string; readonly placeholder?: string }>>;

/** The parser shows what a value looks like nowhere: it goes before the flag's line of help. */
export function withPlaceholders<T extends Flags>(flags: T): T {
  return mapFlags(flags, (flag) =>
    flag.placeholder === undefined ? flag : { ...flag, brief: `${flag.placeholder}  ${flag.brief ?? ""}` },
  );
}

/** The same flags, `names` of which are taken and not shown. */
export function withHidden<T extends Flags>(flags: T, names: ReadonlySet<string>): T {
  return mapFlags(flags, (flag, name) => (names.has(name) ? { ...flag, hidden: true } : flag));
}

function mapFlags<T extends Flags>(flags: T, map: (flag: Flags[string], name: string) => Flags[string]): T {
  return Object.fromEntries(Object.entries(flags).map(([name, flag]) => [name, map(flag, name)])) as unknown as T;
}

/** The fields between commas; one in double quotes may hold commas, and `""` for a quote. */
export function csvFields(text: string): readonly string[] {
  // With a comma in front each field begins with one, the first and an empty one too.
  return [...`,${text}`.matchAll(/,(?:"((?:[^"]|"")*)"(?=,|$)|([^,]*))/g)].map(
    ([, quoted, plain = ""]) => quoted?.replaceAll('""', '"') ?? plain,
  );
}

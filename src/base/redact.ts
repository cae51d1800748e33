/**
 * Text without users and passwords of the URLs in it, as BuildKit writes it: `https://xxxxx:xxxxx@host/`.
 * The user of ssh names an account and no secret.
 */
export function redactUserinfo(text: string): string {
  return text.replaceAll(USERINFO, (whole: string, scheme: string, user: string, password: string | undefined) => {
    if (password !== undefined) return `${scheme}xxxxx:xxxxx@`;
    return user === "" || /^ssh:/i.test(scheme) ? whole : `${scheme}xxxxx@`;
  });
}

const USERINFO = /([a-z][a-z0-9+.-]*:\/\/)([^\s/?#:@"']*)(:[^\s/?#"']*)?@/gi;

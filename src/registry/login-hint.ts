/** How to get credentials to where they are looked for (credentials/sources.ts). */
export function howToLogIn(host: string): string {
  return `docker login ${host}, or the same JSON in DOCKER_AUTH_CONFIG`;
}

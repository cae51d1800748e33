/** What is known of an account at a registry. `source` names the file or program, never the secret. */
export type Credential =
  | { readonly kind: "anonymous" }
  | {
      readonly kind: "password";
      readonly username: string;
      readonly password: string;
      readonly source: string;
    }
  /** A refresh token, to be changed for access tokens. */
  | {
      readonly kind: "identity-token";
      readonly username?: string | undefined;
      readonly token: string;
      readonly source: string;
    }
  /** An access token, sent as it is. */
  | { readonly kind: "bearer"; readonly token: string; readonly source: string };

export const ANONYMOUS: Credential = { kind: "anonymous" };

import { repositoryName } from "../oci/reference.ts";
import type { RegistryClient } from "../registry/types.ts";
import type { BuildRequest } from "./request.ts";

/** Asks the destinations of the pushes whether they will be taken: once, when something is about to be executed. */
export interface PushCheck {
  start(): void;
  /** Resolves at once where nothing was asked, which then nothing is. Rejects with what the push would say. */
  passed(): Promise<void>;
  /** What was found, where a push will fail. */
  failure(): unknown;
}

/** `onFailure` is told as soon as it is known. What `signal` ends has not failed. */
export function openPushCheck(
  { outputs, checkPush }: Pick<BuildRequest, "outputs" | "checkPush">,
  client: Pick<RegistryClient, "checkPush">,
  signal: AbortSignal,
  onFailure: (error: unknown) => void,
): PushCheck {
  const names = outputs.flatMap((output) => (output.kind === "registry" ? output.names : []));
  const repositories = new Map(checkPush ? names.map((name) => [repositoryName(name), name]) : []);
  let checked: Promise<void> | undefined;
  let failure: unknown;
  const check = async (): Promise<void> => {
    try {
      await Promise.all([...repositories.values()].map((repository) => client.checkPush(repository, signal)));
    } catch (error) {
      if (signal.aborted) return;
      failure = error;
      onFailure(error);
      throw error;
    }
  };
  return {
    start: () => {
      if (checked !== undefined) return;
      checked = check();
      // Whoever waits for it hears of it; nobody may by then.
      checked.catch(() => {});
    },
    passed: async () => (checked ??= Promise.resolve()),
    failure: () => failure,
  };
}

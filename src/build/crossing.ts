import { AppError } from "../base/errors.ts";
import { CrossFailure } from "../engine/cross.ts";
import type { EventSink } from "../engine/events.ts";
import type { Workshop } from "./workshop.ts";

/** There is no emulator, or no image for it. */
const CANNOT_EMULATE: ReadonlySet<string> = new Set(["PLAN_NO_EMULATOR", "MANIFEST_NO_PLATFORM"]);

/**
 * A stage that --cross let run on the build platform, and that did not make what its target needs, is made
 * again as the Dockerfile has it; where nothing can emulate that, what went wrong is the failure.
 */
export async function withCrossing<T>(workshop: Workshop, emit: EventSink, body: () => Promise<T>): Promise<T> {
  let failure: CrossFailure | undefined;
  for (;;) {
    try {
      return await body();
    } catch (error) {
      if (failure !== undefined && error instanceof AppError && CANNOT_EMULATE.has(error.code)) throw failure;
      if (!(error instanceof CrossFailure) || workshop.uncrossed.has(error.origin)) throw error;
      failure = error;
      workshop.uncrossed.add(error.origin);
      const message = `${error.message}; it is made again under emulation`;
      emit({ kind: "note", level: "warning", code: error.code, message, source: error.source });
    }
  }
}

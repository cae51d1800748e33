import { onTestFinished } from "vitest";
import type { Repository } from "../types.ts";
import { FakeRegistry } from "./fake-registry.ts";
import { createTestClient, repositoryAt } from "./test-client.ts";
import type { TestClient } from "./test-client.ts";

export interface TestBed {
  readonly registry: FakeRegistry;
  readonly client: TestClient;
  readonly repository: Repository;
}

/** For one test, with whose end it is closed; to be called in `beforeEach`. */
export async function startTestBed(): Promise<TestBed> {
  const registry = await FakeRegistry.start();
  const client = createTestClient();
  onTestFinished(async () => {
    client.close();
    await registry.close();
  });
  return { registry, client, repository: repositoryAt(registry.host) };
}

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';

const createdDirectories: string[] = [];

/** A fresh empty directory that is removed after the test. */
export function freshDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'deskcache-test-'));
  createdDirectories.push(directory);
  return directory;
}

afterEach(() => {
  // Another process or thread of the test may still be closing its store there.
  for (const directory of createdDirectories.splice(0))
    rmSync(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 20 });
});

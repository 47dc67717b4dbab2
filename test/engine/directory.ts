import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';

const made: string[] = [];

/** A fresh empty directory that is removed after the test. */
export function freshDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'deskcache-test-'));
  made.push(directory);
  return directory;
}

afterEach(() => {
  // Another process or thread of the test may still be closing its store there.
  for (const directory of made.splice(0))
    rmSync(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 20 });
});

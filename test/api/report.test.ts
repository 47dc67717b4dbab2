import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { createReports, ENTRY_POINT_NAMES, type EntryPoint, REPORT_DIRECTORY } from './report.ts';

describe('the public API', () => {
  let reports: Record<EntryPoint, string>;
  beforeAll(() => {
    reports = createReports();
  }, 120_000);

  it.each(ENTRY_POINT_NAMES)(
    'of %s is the one reported in etc/api; if the change is meant, run: npm run api',
    (name) => {
      expect(reports[name]).toBe(readFileSync(join(REPORT_DIRECTORY, `${name}.api.md`), 'utf8'));
    },
  );
});

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { createReports, ENTRY_POINT_NAMES, type EntryPoint, getReportName, REPORT_DIRECTORY } from './report.ts';

const { exports } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')) as {
  readonly exports: Readonly<Record<string, { readonly types?: string }>>;
};

describe('the public API', () => {
  let reports: Record<EntryPoint, string>;
  beforeAll(() => {
    reports = createReports();
  }, 120_000);

  it('is that of every entry point of package.json', () => {
    const names = Object.entries(exports)
      .filter(([, { types }]) => types !== undefined)
      .map(([path]) => (path === '.' ? 'deskcache' : path.slice('./'.length)));
    expect(names.toSorted()).toEqual(ENTRY_POINT_NAMES.toSorted());
  });

  it.each(ENTRY_POINT_NAMES)(
    'of %s is the one reported in etc/api; if the change is meant, run: npm run api',
    (name) => {
      expect(reports[name]).toBe(readFileSync(join(REPORT_DIRECTORY, getReportName(name)), 'utf8'));
    },
  );
});

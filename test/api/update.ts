/** `npm run api`: writes the reports in etc/api after a change of public declarations that is meant. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createReports, type EntryPoint, getReportName, REPORT_DIRECTORY } from './report.ts';

mkdirSync(REPORT_DIRECTORY, { recursive: true });
for (const [name, report] of Object.entries(createReports()))
  writeFileSync(join(REPORT_DIRECTORY, getReportName(name as EntryPoint)), report);

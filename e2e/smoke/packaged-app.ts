/**
 * The smoke test of a packaged template: `node e2e/smoke/packaged-app.ts <folder>`, where the packager's output is below the folder. Says
 * what was seen and ends with 0, or with what was wrong and 1.
 */
import { appendFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { launchPackaged } from '../launch-packaged.ts';
import { checkNotes } from './check-notes.ts';
import { findPackaged } from './find-packaged.ts';

const [folder] = process.argv.slice(2);
if (folder === undefined) {
  console.error('Usage: node e2e/smoke/packaged-app.ts <folder>');
  process.exit(2);
}
const userData = await mkdtemp(join(tmpdir(), 'deskcache-smoke-'));
try {
  const executable = findPackaged(folder);
  console.log(executable);
  const seen = await checkNotes(() => launchPackaged({ executable, userData }));
  for (const line of seen) console.log(`  ${line}`);
  print(`✅ ${folder} on ${process.platform}: ${seen.join(', ')}`);
} catch (error) {
  console.error((error as Error).message);
  print(`❌ ${folder} on ${process.platform}: ${(error as Error).message.split('\n', 1)[0]}`);
  process.exitCode = 1;
} finally {
  await rm(userData, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}
// A child that would not die must not hold the job.
process.exit();

function print(line: string): void {
  const summary = process.env['GITHUB_STEP_SUMMARY'];
  if (summary) appendFileSync(summary, `- ${line}\n`);
}

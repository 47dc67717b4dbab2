import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createFileHandler } from '../../demo-app/main/page-files.ts';

let parentFolder: string;
let serve: (path: string, init?: RequestInit) => Promise<Response>;
beforeAll(() => {
  parentFolder = mkdtempSync(join(tmpdir(), 'page-files-'));
  const folder = mkdtempSync(join(parentFolder, 'page-'));
  writeFileSync(join(parentFolder, 'secret.js'), 'secret');
  writeFileSync(`${folder}-beside.js`, 'secret');
  writeFileSync(join(folder, 'index.html'), '<title>page</title>');
  writeFileSync(join(folder, 'code.js'), 'code');
  writeFileSync(join(folder, 'key.pem'), 'secret');
  const answer = createFileHandler(folder, 'app://atlas');
  serve = (path, init) => answer(new Request(`app://atlas${path}`, init));
});
afterAll(() => rmSync(parentFolder, { recursive: true }));

describe('the page’s files', () => {
  it('are served with their type and a policy that blocks all network access', async () => {
    const page = await serve('/?upstream=x');
    expect(await page.text()).toBe('<title>page</title>');
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(page.headers.get('content-security-policy')).toMatch(/^default-src 'none';(?!.*connect-src)/);
    expect(page.headers.get('content-security-policy')).toMatch(/img-src 'self' app:\/\/atlas deskcache:;/);
    expect((await serve('/code.js')).headers.get('content-type')).toBe('text/javascript; charset=utf-8');
  });

  it.each([
    '/../secret.js',
    '/%2e%2e/secret.js',
    '/%2e%2e%2fsecret.js',
    '/..%5csecret.js',
    '/x/../../secret.js',
    '/%00code.js',
    '/%E0%A4%A',
    '/key.pem',
    '/missing.js',
    '/assets/',
  ])('%s is not found', async (path) => {
    const answer = await serve(path);
    expect(answer.status).toBe(404);
    expect(await answer.text()).toBe('');
  });

  it('a folder whose name only starts like the page’s is not served', async () => {
    const answer = await createFileHandler(
      join(parentFolder, 'pa'),
      'app://atlas',
    )(new Request('app://atlas/%2e%2e%2fsecret.js'));
    expect(answer.status).toBe(404);
  });

  it('accept GET only', async () => {
    expect((await serve('/', { method: 'POST' })).status).toBe(405);
  });
});

/** Test runners in a folder that has the packed library installed, as a stranger's application. */
import { cpSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT, runProgram } from '../../e2e/templates/packed-library.ts';
import { type InstalledApp, installApp } from '../packaging/installed-app.ts';
import { HOST_TEST_COUNT, WINDOW_TEST_COUNT, writeTestFile } from './stranger-programs.ts';

const RUNNERS = ['@jest', 'jest', 'jest-environment-jsdom', 'jsdom', 'vitest'];

let app: InstalledApp;
beforeAll(async () => {
  app = await installApp([...RUNNERS, '@types', 'electron', 'react', 'react-dom']);
});
afterAll(() => app.remove());

const tool = (path: string): string => join(ROOT, 'node_modules', path);
const run = (folder: string, ...args: string[]) => runProgram(process.execPath, args, join(app.folder, folder));

/** Jest and vitest print the same report. */
interface Report {
  readonly numPassedTests: number;
  readonly numTotalTests: number;
}
const parseReport = (printed: string): Report => JSON.parse(printed.slice(printed.indexOf('{')));

const ALL = HOST_TEST_COUNT + WINDOW_TEST_COUNT;

describe('a stranger’s tests pass', () => {
  it.each([
    ['cjs', []],
    ['esm', ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning']],
  ] as const)('under Jest, with Node and with jsdom: %s', async (format, flags) => {
    app.write({
      [`jest-${format}/package.json`]: JSON.stringify({
        type: format === 'cjs' ? 'commonjs' : 'module',
        jest: { transform: {} },
      }),
      [`jest-${format}/host.test.js`]: writeTestFile('jest', format, 'node'),
      [`jest-${format}/page.test.js`]: writeTestFile('jest', format, 'jsdom'),
    });
    // Without --forceExit: Jest only ends when nothing is left open.
    const printed = await run(`jest-${format}`, ...flags, tool('jest/bin/jest.js'), '--json', '--silent', '-i');
    expect(parseReport(printed)).toMatchObject({
      numTotalTests: HOST_TEST_COUNT + ALL,
      numPassedTests: HOST_TEST_COUNT + ALL,
    });
  });

  it('under vitest, with Node and with jsdom', async () => {
    app.write({
      'vitest/package.json': JSON.stringify({ type: 'module' }),
      'vitest/host.test.js': writeTestFile('vitest', 'esm', 'node'),
      'vitest/page.test.js': writeTestFile('vitest', 'esm', 'jsdom'),
      'vitest/component.test.tsx': COMPONENT_TEST,
    });
    await run(
      'vitest',
      tool('vitest/vitest.mjs'),
      'run',
      '--reporter=default',
      '--reporter=json',
      '--outputFile=report.json',
    );
    const count = HOST_TEST_COUNT + ALL + 1;
    expect(parseReport(readFileSync(join(app.folder, 'vitest/report.json'), 'utf8'))).toMatchObject({
      numTotalTests: count,
      numPassedTests: count,
    });
  });

  it.each([
    [
      'mts',
      `import { cache, defineStores } from 'deskcache'; import { testHost } from 'deskcache/testing'; import { test } from 'node:test'; import assert from 'node:assert/strict';`,
    ],
    [
      'cts',
      `const { cache, defineStores } = require('deskcache'); const { testHost } = require('deskcache/testing'); const { test } = require('node:test'); const assert = require('node:assert/strict');`,
    ],
  ])('under node:test, which ends by itself: .%s', async (extension, preamble) => {
    app.write({ [`node-test/api.test.${extension}`]: `${preamble}\n${NODE_TEST}` });
    const printed = await run('node-test', '--test', '--test-reporter=tap', `api.test.${extension}`);
    expect(printed).toMatch(/^# pass 1$/m);
  });

  it('in a program that forgets to close: it leaves no directory', async () => {
    app.write({
      'forgetful/program.mjs': `
        import { defineStores, index } from 'deskcache';
        import { testHost } from 'deskcache/testing';
        const t = await testHost({ stores: defineStores({ notes: index() }) });
        t.host.stores.notes.set('a', 1);
        console.log(t.host.directory);`,
    });
    const directory = (await run('forgetful', 'program.mjs')).trim();
    expect(directory).toMatch(/deskcache-/);
    expect(readdirSync(tmpdir())).not.toContain(directory.split(/[\\/]/).at(-1));
  });
});

/** A test of a component that subscribes by hand, without the bindings. */
const COMPONENT_TEST = `/** @vitest-environment jsdom */
import { useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { expect, test, vi } from 'vitest';
import { defineStores, index } from 'deskcache';
import { diskCache } from 'deskcache/renderer';
import { testHost } from 'deskcache/testing';

/** Of a machine that is busy. */
const PATIENCE = { timeout: 30_000 };
const stores = defineStores({ notes: index<string, string>() });
const { notes } = diskCache.as<typeof stores>();

function Notes() {
  const [texts, setTexts] = useState<string[]>([]);
  useEffect(() => {
    const read = async () => setTexts(await notes.values());
    void read();
    return notes.subscribe(() => void read());
  }, []);
  return <ul>{texts.map((text) => <li key={text}>{text}</li>)}</ul>;
}

test('shows notes, and those that come later', { timeout: 60_000 }, async () => {
  using t = await testHost({ stores });
  t.attach(window);
  t.host.stores.notes.set('1', 'first');
  const element = document.body.appendChild(document.createElement('main'));
  const root = createRoot(element);
  root.render(<Notes />);
  await vi.waitFor(() => expect(element.textContent).toBe('first'), PATIENCE);
  t.host.stores.notes.set('2', 'second');
  await vi.waitFor(() => expect(element.textContent).toBe('firstsecond'), PATIENCE);
  root.unmount();
});
`;

const NODE_TEST = `
test('a page and the main process see the same', async () => {
  using t = await testHost({ stores: defineStores({ api: cache<string, { at: Date }>() }) });
  await t.page().cache('api').set('k', { at: new Date(5) });
  assert.deepEqual(t.host.stores.api.get('k'), { at: new Date(5) });
});`;

describe('deskcache/main outside of Electron', () => {
  it.each([
    ['mjs', "import('deskcache/main')"],
    ['cjs', "new Promise((resolve) => resolve(require('deskcache/main')))"],
  ])('says what to use instead: .%s', async (extension, load) => {
    app.write({
      // Outside of Electron the module `electron` is the path of its program.
      'outside/node_modules/electron/package.json': JSON.stringify({ name: 'electron', version: '45.4.1' }),
      'outside/node_modules/electron/index.js': "module.exports = '/opt/electron/electron';",
      [`outside/program.${extension}`]: `${load}.catch(({ code, message }) => console.log(code, message));`,
    });
    cpSync(join(app.folder, 'node_modules/deskcache'), join(app.folder, 'outside/node_modules/deskcache'), {
      recursive: true,
    });
    const printed = await run('outside', `program.${extension}`);
    expect(printed).toMatch(/^NOT_ALLOWED deskcache\/main runs in Electron's main process only\..*deskcache\/testing/);
  });
});

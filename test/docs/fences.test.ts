import { describe, expect, it } from 'vitest';
import { getExample, getExamples, listPages, parseFences, runExample } from './fences.ts';

const TEXT = [
  '```ts name=one',
  'a',
  '```',
  '',
  '```sh',
  'b',
  '```',
  '```js nocheck: a part',
  'c',
  '```',
  '```ts',
  '```',
];

describe('a fence', () => {
  it('has a language, and a name or a reason not to compile it', () => {
    expect(parseFences('page.md', TEXT.join('\n'))).toEqual([
      { page: 'page.md', line: 1, language: 'ts', name: 'one', nocheck: undefined, code: 'a\n' },
      { page: 'page.md', line: 5, language: 'sh', name: undefined, nocheck: undefined, code: 'b\n' },
      { page: 'page.md', line: 8, language: 'js', name: undefined, nocheck: 'a part', code: 'c\n' },
      { page: 'page.md', line: 11, language: 'ts', name: undefined, nocheck: undefined, code: '' },
    ]);
  });

  it('has no name when the words after the language are something else', () => {
    for (const info of ['name=', 'named=one', 'name=One', 'name=one two', 'nocheck', 'nocheck:', 'nocheck: '])
      expect(parseFences('', `\`\`\`ts ${info}\n\`\`\``)).toMatchObject([{ name: undefined, nocheck: undefined }]);
  });
});

describe('the examples of the documents', () => {
  const pages = listPages();

  it('are looked for in README and in the guides', () => {
    expect(pages).toEqual(
      expect.arrayContaining(['README.md', 'docs/guide-pages.md', 'templates/forge-vite/README.md']),
    );
    expect(pages.flatMap(getExamples).length).toBeGreaterThan(35);
  });

  it.each(pages)('of %s each have a name of their own, or say why they are not compiled', (page) => {
    const examples = getExamples(page);
    const unnamed = examples.filter(({ name, nocheck }) => name === undefined && nocheck === undefined);
    expect(
      unnamed.map(({ line }) => `${page}:${line}`),
      'write ```ts name=… (it is compiled then), or ```ts nocheck: and the reason',
    ).toEqual([]);
    const names = examples.map(({ name }) => name).filter((name) => name !== undefined);
    expect(names).toEqual([...new Set(names)]);
  });

  it('are found by name; an unknown name is an error that lists the others', () => {
    expect(getExample('README.md', 'declare')).toContain('defineStores');
    expect(() => getExample('README.md', 'gone')).toThrow(/no example name=gone; its examples are .*declare/);
  });

  it('run with the modules that the test gives, and with no others', async () => {
    await expect(runExample('README.md', 'first-call')).rejects.toThrow(
      "README.md, example first-call, imports deskcache/renderer, which the test doesn't give it",
    );
    const diskCache = { set: async () => {}, get: async () => 'got' };
    expect(
      await runExample('README.md', 'first-call', {
        modules: { 'deskcache/renderer': { diskCache } },
        after: 'const done = true;',
        returns: ['done'],
      }),
    ).toEqual({ done: true });
  });
});

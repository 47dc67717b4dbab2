import { existsSync, globSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, matchesGlob, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');
const { files } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { readonly files: readonly string[] };

/** npm adds these files to every package. */
const ALWAYS_SHIPPED = ['package.json', 'README.md', 'LICENSE'];

const pages = globSync('**/*.md', {
  cwd: root,
  exclude: (path) => /(^|\/)(node_modules|dist|test-results)(\/|$)/.test(path.replaceAll('\\', '/')),
}).map((path) => path.replaceAll('\\', '/'));

/** Returns the links of a page, except web addresses and links within the page. */
function getLinks(page: string): string[] {
  const text = readFileSync(join(root, page), 'utf8').replaceAll(/```[\s\S]*?```|`[^`\n]*`/g, '');
  const targets = text.matchAll(/\]\(\s*<?([^)\s>]+)>?[^)]*\)|(?:src|href)="([^"]+)"|^\[[^\]]+\]:\s*(\S+)/gm);
  return Array.from(targets, ([, inline, html, reference]) => (inline ?? html ?? reference)!).filter(
    (target) => !/^([a-z][a-z0-9+.-]*:|#)/i.test(target),
  );
}

/** Returns the path of a linked file, relative to the root. */
const toFilePath = (page: string, target: string): string =>
  normalize(join(dirname(page), decodeURIComponent(target.split(/[?#]/)[0]!))).replaceAll('\\', '/');

const isShipped = (path: string): boolean =>
  ALWAYS_SHIPPED.includes(path) ||
  files.some((pattern) => matchesGlob(path, pattern) || path === pattern || path.startsWith(`${pattern}/`));

/** Returns the anchors of a page's headings, as GitHub generates them. */
const getAnchors = (path: string): string[] =>
  Array.from(readFileSync(join(root, path), 'utf8').matchAll(/^#+\s+(.+)$/gm), ([, heading]) =>
    heading!
      .toLowerCase()
      .replaceAll(/[`*_]|[^\p{L}\p{N}\s-]/gu, (it) => (it === '_' ? it : ''))
      .trim()
      .replaceAll(/\s/g, '-'),
  );

describe('links', () => {
  it('are found in the pages', () => {
    expect(pages).toContain('README.md');
    expect(getLinks('README.md').length).toBeGreaterThan(0);
  });

  it.each(pages)('of %s lead to existing files', (page) => {
    const dead = getLinks(page).filter((target) => !existsSync(join(root, toFilePath(page, target))));
    expect(dead).toEqual([]);
  });

  it.each(pages)('of %s lead to existing headings', (page) => {
    const dead = getLinks(page).filter((target) => {
      const [, fragment] = target.split('#');
      const path = toFilePath(page, target);
      if (!fragment || !path.endsWith('.md') || !existsSync(join(root, path))) return false;
      return !getAnchors(path).includes(decodeURIComponent(fragment));
    });
    expect(dead).toEqual([]);
  });

  it.each(pages.filter(isShipped))('of %s, which is in the package, lead to files in the package', (page) => {
    const missing = getLinks(page).filter((target) => {
      const path = toFilePath(page, target);
      const isFolder = existsSync(join(root, path)) && statSync(join(root, path)).isDirectory();
      return !isShipped(path) && !(isFolder && files.some((pattern) => pattern.startsWith(`${path}/`)));
    });
    expect(missing, 'ship it (files in package.json), or link to its address on the web').toEqual([]);
  });
});

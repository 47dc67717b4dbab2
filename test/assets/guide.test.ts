import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { toAssetUrl } from '../../protocol/asset-url.ts';
import type { Key } from '../../protocol/key.ts';

it('docs/guide-assets.md: every address in the table is that of its key', () => {
  const guide = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'guide-assets.md'), 'utf8');
  const rows = [...guide.matchAll(/^\| `(.+)` \| `(deskcache:.+)` \|$/gm)];
  expect(rows.length).toBeGreaterThan(8);
  for (const [, key, address] of rows) {
    const given = new Function(`return (${key})`)() as Key;
    expect(toAssetUrl('assets', given), key).toBe(address);
  }
});

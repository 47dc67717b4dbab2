// @vitest-environment jsdom
import { describe, expect, it } from 'vitest';
import { testHost } from '../../main/testing/index.ts';
import { defineStores, index, settings } from '../../protocol/stores.ts';
import { mountExample } from './mount-example.ts';

interface Preferences {
  theme: 'light' | 'dark';
}

const stores = defineStores({
  preferences: settings<Preferences>({ defaults: { theme: 'light' } }),
  notes: index<string, { title: string }>(),
});

describe.each(['vue', 'svelte'] as const)('the component of the guide for %s', (framework) => {
  it('shows a setting and a note, and writes both', async () => {
    await using t = await testHost({ stores });
    t.host.stores.preferences.set('theme', 'dark');
    t.host.stores.notes.set('a', { title: 'Tickets' });
    const element = await mountExample(framework, ['docs/guide-bindings.md', `${framework}-component`], t.page(), {
      id: 'a',
    });
    const select = element.querySelector('select')!;
    const getText = () => element.querySelector('p')?.textContent;
    await expect.poll(() => [select.value, getText()]).toEqual(['dark', 'Tickets']);

    select.value = 'light';
    select.dispatchEvent(new Event('change', { bubbles: true }));
    await expect.poll(() => t.host.stores.preferences.get('theme')).toBe('light');
    t.host.stores.preferences.set('theme', 'dark');
    await expect.poll(() => select.value).toBe('dark');

    element.querySelector('button')!.click();
    await expect.poll(() => t.host.stores.notes.get('a')).toEqual({ title: 'Permits' });
    await expect.poll(getText).toBe('Permits');

    t.fail('DISK_FULL', { store: 'notes', method: 'set' });
    element.querySelector('button')!.click();
    await expect.poll(() => element.textContent).toContain('DISK_FULL');
  });
});

// @vitest-environment jsdom
/** Tests of the notes application, without Electron: both versions do the same. */
import { testHost } from 'deskcache/testing';
import { createRoot } from 'react-dom/client';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { App } from './app';
import { App as AppByHand } from './app-by-hand';
import { stores } from './stores';
import { stores as storesByHand } from './stores-by-hand';

/** Of a busy machine. */
const PATIENCE = { timeout: 30_000 };
const eventually = (check: () => void) => vi.waitFor(check, PATIENCE);

let element: HTMLElement;
let root: ReturnType<typeof createRoot>;
beforeEach(() => {
  element = document.body.appendChild(document.createElement('div'));
  root = createRoot(element);
});
afterEach(() => element.remove());

const find = <T extends HTMLElement>(selector: string): T => {
  const found = element.querySelector<T>(selector);
  if (found === null) throw new Error(`There is no ${selector} in ${element.innerHTML}`);
  return found;
};

describe.each([
  ['with deskcache/react', App, stores, ['settings']],
  ['with hooks by hand', AppByHand, storesByHand, []],
])('the notes application %s', { timeout: 60_000 }, (_, Application, declared, ready) => {
  test('shows settings and notes, and follows what other windows change', async () => {
    using t = await testHost({ stores: declared as typeof stores });
    t.host.stores.notes.set('1', { title: 'Plants', text: 'Water them' });
    t.attach(window, { ready });
    root.render(<Application />);
    await eventually(() => expect(find('li').textContent).toBe('Plants'));
    expect(find('main').dataset.theme).toBe('light');

    const other = t.page().as<typeof stores>();
    await other.settings.set('theme', 'dark');
    await other.notes.set('2', { title: 'Calls', text: 'Ada' });
    await eventually(() => expect(find('main').dataset.theme).toBe('dark'));
    await eventually(() => expect(find('ul').textContent).toBe('PlantsCalls'));
    root.unmount();
  });

  test('shows a change at once, and undoes what is refused', async () => {
    using t = await testHost({ stores: declared as typeof stores });
    t.attach(window, { ready });
    root.render(<Application />);
    await eventually(() => expect(find('[name=larger]').textContent).toBe('14'));
    find('[name=larger]').click();
    await eventually(() => expect(find('main').style.fontSize).toBe('15px'));
    expect(await t.page().as<typeof stores>().settings.get('editor.fontSize')).toBe(15);

    const alert = vi.spyOn(window, 'alert').mockReturnValue();
    t.fail('DISK_FULL', { store: 'settings' });
    find('[name=larger]').click();
    await eventually(() => expect(alert).toHaveBeenCalledOnce());
    await eventually(() => expect(find('main').style.fontSize).toBe('15px'));
    root.unmount();
  });
});

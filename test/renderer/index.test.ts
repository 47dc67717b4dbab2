import { afterEach, describe, expect, it, vi } from 'vitest';
import { errorMatching } from '../matchers.ts';

afterEach(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
});

describe('deskcache/renderer', () => {
  it('listens to nothing before the first call; then a page that is left rejects what waits', async () => {
    const page = Object.assign(new EventTarget(), { postMessage: () => {} });
    const listen = vi.fn(page.addEventListener.bind(page));
    vi.stubGlobal('window', page);
    vi.stubGlobal('addEventListener', listen);
    const { diskCache } = await import('../../renderer-api/index.ts');
    expect(listen).not.toHaveBeenCalled();
    const calls = [diskCache.get('k'), diskCache.cache('api').set('k', 1)].map((call) => call.catch((error) => error));
    await vi.waitFor(() => expect(listen).toHaveBeenCalledExactlyOnceWith('pagehide', expect.any(Function)));
    page.dispatchEvent(new Event('pagehide'));
    const left = errorMatching('DISCONNECTED', 'The page was left before the response');
    expect(await Promise.all(calls)).toEqual([left, left]);
  });

  it('rejects its calls outside of a page', async () => {
    const { diskCache } = await import('../../renderer-api/index.ts');
    await expect(diskCache.get('k')).rejects.toMatchObject({ name: 'DiskCacheError', code: 'DISCONNECTED' });
  });
});

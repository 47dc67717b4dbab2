import * as renderer from 'deskcache/renderer';

const { adopt, diskCache } = renderer;

/** Called by the tests from outside, as in the developer tools. */
Object.assign(globalThis, { adopt, diskCache });

// DevTools can't inspect a page that has crashed once, so the page counts its loads itself.
if (location.search === '?doomed') void reportLoads();

async function reportLoads(): Promise<void> {
  await diskCache.cache('api').set('loads', await diskCache.window.incr('loads'));
}

import * as renderer from 'deskcache/renderer';

const { diskCache } = renderer;

/** The tests call it from outside, as somebody would in the developer tools. */
Object.assign(globalThis, { diskCache });

// From outside nobody can look into a page that has crashed once, so this one says how often it was loaded.
if (location.search === '?doomed') void reportLoads();

async function reportLoads(): Promise<void> {
  await diskCache.cache('api').set('loads', await diskCache.window.incr('loads'));
}

/** A version of some files replaces another, whole or not at all. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Cache } from 'deskcache/engine';
import { type Manifest, Precache } from 'deskcache/offline';

const directory = mkdtempSync(join(tmpdir(), 'deskcache-precache-'));
const cache = new Cache(directory, { evictionPolicy: 'none' });
const published = new Map([
  ['https://atlas.example/app.js', 'first code'],
  ['https://atlas.example/app.css', 'first style'],
]);
/** The network of this example; an application hands in its `fetch`. */
const network = async ({ url }: Request) => {
  const text = published.get(url);
  return text === undefined ? new Response(null, { status: 404 }) : new Response(text);
};
const precache = new Precache({ cache, fetch: network });

/** Files with another revision than before are fetched, the others stay as they are. */
const release = (version: string, revisions: Readonly<Record<string, string>>): Manifest => ({
  version,
  entries: Object.entries(revisions).map(([url, revision]) => ({ url, revision })),
});

async function show(when: string): Promise<void> {
  const texts = await Promise.all([...published.keys()].map(async (url) => (await precache.match(url))?.text()));
  console.log(`${when}: version ${precache.version}, ${texts.join(', ')}`);
}

const [code, style] = [...published.keys()] as [string, string];
await precache.install(release('1', { [code]: 'a', [style]: 'a' }), {
  onProgress: ({ done, total }) => console.log(`  ${done} of ${total}`),
});
await show('Installed');

published.set(code, 'second code');
const incomplete = release('2', { [code]: 'b', [style]: 'a', 'https://atlas.example/missing.png': 'a' });
await precache.install(incomplete).catch((error: Error) => console.log(`  ${error.message}`));
await show('A file is missing');

await precache.install(release('2', { [code]: 'b', [style]: 'a' }));
await show('Installed');

cache.close();
rmSync(directory, { recursive: true });

/** Replaces one version of some files by another, completely or not at all. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Cache } from 'deskcache/engine';
import { Precache, type PrecacheManifest } from 'deskcache/offline';

const directory = mkdtempSync(join(tmpdir(), 'deskcache-precache-'));
const cache = new Cache(directory, { evictionPolicy: 'none' });
const published = new Map([
  ['https://atlas.example/app.js', 'first code'],
  ['https://atlas.example/app.css', 'first style'],
]);
/** The network of this example; an application passes its `fetch`. */
const network = async ({ url }: Request) => {
  const text = published.get(url);
  return text === undefined ? new Response(null, { status: 404 }) : new Response(text);
};
const precache = new Precache({ cache, fetch: network });

/** Fetches files with a new revision; the others stay. */
const publishVersion = (version: string, revisions: Readonly<Record<string, string>>): PrecacheManifest => ({
  version,
  entries: Object.entries(revisions).map(([url, revision]) => ({ url, revision })),
});

async function printFiles(when: string): Promise<void> {
  const texts = await Promise.all([...published.keys()].map(async (url) => (await precache.match(url))?.text()));
  console.log(`${when}: version ${precache.version}, ${texts.join(', ')}`);
}

const [code, style] = [...published.keys()] as [string, string];
await precache.install(publishVersion('1', { [code]: 'a', [style]: 'a' }), {
  onProgress: ({ done, total }) => console.log(`  ${done} of ${total}`),
});
await printFiles('Installed');

published.set(code, 'second code');
const incomplete = publishVersion('2', { [code]: 'b', [style]: 'a', 'https://atlas.example/missing.png': 'a' });
await precache.install(incomplete).catch((error: Error) => console.log(`  ${error.message}`));
await printFiles('A file is missing');

await precache.install(publishVersion('2', { [code]: 'b', [style]: 'a' }));
await printFiles('Installed');

cache.close();
rmSync(directory, { recursive: true });

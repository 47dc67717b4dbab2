import type { CountrySummary } from '../../model/country.ts';
import { fetchFromServer } from './api.ts';
import { disk } from './disk-cache.ts';
import { reportError } from './errors.ts';
import { online } from './network.ts';
import { observable } from './observable.ts';
import { countryResource } from './resources.ts';

/** The flags on disk, by ISO 3166-1 alpha-2 code. The page never loads a flag's bytes: it shows flags by URL. */
export const storedFlags = observable<ReadonlySet<string>>(new Set());

/** How many of the countries are available offline, with their flags; `bytes` is their total size. */
export const offlineProgress = observable({ countries: 0, of: 0, bytes: 0 });

const BATCH_SIZE = 25;
let isRunning = false;

/**
 * Shows the flags on disk, then stores flags and details of all countries. Stops without an error when the network fails; call it again
 * when it is back.
 */
export async function cacheAllCountries(countries: readonly CountrySummary[]): Promise<void> {
  if (isRunning || (offlineProgress.get().countries === countries.length && storedFlags.get().size >= countries.length))
    return;
  isRunning = true;
  try {
    await loadStoredFlags(countries);
    for (let at = 0; at < countries.length; at += BATCH_SIZE) {
      const chunk = countries.slice(at, at + BATCH_SIZE);
      await Promise.all(chunk.map(cacheCountry));
      storedFlags.set(new Set([...storedFlags.get(), ...chunk.map(({ alpha2 }) => alpha2)]));
      await updateProgress(at + chunk.length, countries.length);
    }
  } catch (error) {
    if (online.get()) reportError('Not everything is ready for offline use', error);
  } finally {
    isRunning = false;
  }
}

/** Checks all flags in one turn of the event loop: 250 calls, one message. */
async function loadStoredFlags(countries: readonly CountrySummary[]): Promise<void> {
  const onDisk = await Promise.all(countries.map(({ alpha2 }) => disk.flags.has(alpha2)));
  storedFlags.set(new Set(countries.filter((_, at) => onDisk[at]).map(({ alpha2 }) => alpha2)));
}

/** Requests nothing that is on disk: details come from the HTTP cache, and a flag never changes. */
async function cacheCountry({ code, alpha2, name }: CountrySummary): Promise<void> {
  const detail = await fetchFromServer(countryResource(code, name).path, { strategy: 'cache-first' });
  await detail.arrayBuffer();
  if (storedFlags.get().has(alpha2)) return;
  const flag = await fetchFromServer(`/flags/${alpha2}.svg`, { strategy: 'network-only' });
  if (!flag.ok) throw new Error(`the server answered ${flag.status} for the flag of ${name}`);
  await disk.flags.set(alpha2, new Uint8Array(await flag.arrayBuffer()));
}

async function updateProgress(countries: number, of: number): Promise<void> {
  const volumes = await Promise.all([disk.answers.volume(), disk.flags.volume(), disk.drafts.volume()]);
  offlineProgress.set({ countries, of, bytes: volumes.reduce((sum, bytes) => sum + bytes, 0) });
}

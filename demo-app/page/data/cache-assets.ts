import type { CountrySummary } from '../../model/country.ts';
import { fetchFromServer } from './api.ts';
import { disk } from './disk-cache.ts';
import { reportError } from './errors.ts';
import { online } from './network.ts';
import { observable } from './observable.ts';
import { countryResource } from './resources.ts';

/** The flags that are on disk, by ISO 3166-1 alpha-2 code. A flag's picture never comes here: it is shown by its address. */
export const storedFlags = observable<ReadonlySet<string>>(new Set());

/** How many countries, and of how many, are ready for a day without network, with their flags; `bytes`: what all of that takes. */
export const offlineProgress = observable({ countries: 0, of: 0, bytes: 0 });

const BATCH_SIZE = 25;
let isRunning = false;

/**
 * Shows the flags that are on disk, then sees to it that flags and details of all countries are. Stops quietly when the network
 * goes; call it again when it is back.
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

/** Asks for all flags in one turn of the loop: 250 calls, one message. */
async function loadStoredFlags(countries: readonly CountrySummary[]): Promise<void> {
  const onDisk = await Promise.all(countries.map(({ alpha2 }) => disk.flags.has(alpha2)));
  storedFlags.set(new Set(countries.filter((_, at) => onDisk[at]).map(({ alpha2 }) => alpha2)));
}

/** What is on disk is not asked for again: details come from the HTTP cache, and a flag never changes. */
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

import type { CountrySummary } from '../../model/country.ts';
import { disk } from './disk.ts';
import { online } from './network.ts';
import { observable } from './observable.ts';
import { report } from './problems.ts';
import { countryResource } from './resources.ts';
import { ask } from './source.ts';

/** The flags that are on disk, by ISO 3166-1 alpha-2 code. A flag's picture never comes here: it is shown by its address. */
export const keptFlags = observable<ReadonlySet<string>>(new Set());

/** How many countries, and of how many, are ready for a day without network, with their flags; `bytes`: what all of that takes. */
export const kept = observable({ countries: 0, of: 0, bytes: 0 });

const AT_ONCE = 25;
let running = false;

/**
 * Shows the flags that are on disk, then sees to it that flags and details of all countries are. Stops quietly when the network
 * goes; call it again when it is back.
 */
export async function keepAll(countries: readonly CountrySummary[]): Promise<void> {
  if (running || (kept.get().countries === countries.length && keptFlags.get().size >= countries.length)) return;
  running = true;
  try {
    await showKeptFlags(countries);
    for (let at = 0; at < countries.length; at += AT_ONCE) {
      const chunk = countries.slice(at, at + AT_ONCE);
      await Promise.all(chunk.map(keepCountry));
      keptFlags.set(new Set([...keptFlags.get(), ...chunk.map(({ alpha2 }) => alpha2)]));
      await tell(at + chunk.length, countries.length);
    }
  } catch (error) {
    if (online.get()) report('Not everything is ready for offline use', error);
  } finally {
    running = false;
  }
}

/** Asks for all flags in one turn of the loop: 250 calls, one message. */
async function showKeptFlags(countries: readonly CountrySummary[]): Promise<void> {
  const onDisk = await Promise.all(countries.map(({ alpha2 }) => disk.flags.has(alpha2)));
  keptFlags.set(new Set(countries.filter((_, at) => onDisk[at]).map(({ alpha2 }) => alpha2)));
}

/** What is on disk is not asked for again: details come from the HTTP cache, and a flag never changes. */
async function keepCountry({ code, alpha2, name }: CountrySummary): Promise<void> {
  const detail = await ask(countryResource(code, name).path, { strategy: 'cache-first' });
  await detail.arrayBuffer();
  if (keptFlags.get().has(alpha2)) return;
  const flag = await ask(`/flags/${alpha2}.svg`, { strategy: 'network-only' });
  if (!flag.ok) throw new Error(`the server answered ${flag.status} for the flag of ${name}`);
  await disk.flags.set(alpha2, new Uint8Array(await flag.arrayBuffer()));
}

async function tell(countries: number, of: number): Promise<void> {
  const volumes = await Promise.all([disk.answers.volume(), disk.flags.volume(), disk.drafts.volume()]);
  kept.set({ countries, of, bytes: volumes.reduce((sum, bytes) => sum + bytes, 0) });
}

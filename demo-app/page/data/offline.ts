import type { CountrySummary } from '../../model/country.ts';
import type { ApiResponse } from '../../model/stores.ts';
import { answerOf, dataOf } from './answer.ts';
import { countOnDisk, disk } from './disk.ts';
import { observable } from './observable.ts';
import { report } from './problems.ts';
import { countryResource } from './resources.ts';
import { ask, reachable } from './upstream.ts';

/** The flags that are on disk, by ISO 3166-1 alpha-2 code. A flag's picture never comes here: it is shown by its address. */
export const keptFlags = observable<ReadonlySet<string>>(new Set());

/** How many of how many things are ready for a day without network; `undefined` when nothing is being fetched. */
export const filling = observable<{ readonly done: number; readonly of: number } | undefined>(undefined);

const AT_ONCE = 25;
let running = false;

/**
 * Shows the flags that are on disk, then fetches what is missing, flags and countries, and keeps it. Flags never change, so
 * one that is on disk is not asked for again. Stops quietly when the upstream goes; call it again when it is back.
 */
export async function prepareForOffline(countries: readonly CountrySummary[]): Promise<void> {
  if (running) return;
  running = true;
  try {
    const flags = await showKeptFlags(countries);
    const details = await missingDetails(countries);
    const total = flags.length + details.length;
    const progress = (done: number) => filling.set({ done, of: total });
    await inChunks(flags, (chunk) => fetchFlags(chunk), progress);
    await inChunks(
      details,
      (chunk) => fetchDetails(chunk),
      (done) => progress(flags.length + done),
    );
  } catch (error) {
    report('Not everything is ready for offline use', error);
  } finally {
    running = false;
    filling.set(undefined);
  }
}

/** Asks for all flags in one turn of the loop: 250 calls, one message. Returns the countries whose flag is not on disk. */
async function showKeptFlags(countries: readonly CountrySummary[]): Promise<readonly CountrySummary[]> {
  const unseen = countries.filter(({ alpha2 }) => !keptFlags.get().has(alpha2));
  const kept = await Promise.all(unseen.map(({ alpha2 }) => disk.flags.has(alpha2)));
  showFlags(unseen.filter((_, at) => kept[at]).map(({ alpha2 }) => alpha2));
  return unseen.filter((_, at) => !kept[at]);
}

async function missingDetails(countries: readonly CountrySummary[]): Promise<readonly CountrySummary[]> {
  const kept = await Promise.all(countries.map(({ code, name }) => disk.api.has(countryResource(code, name).path)));
  return countries.filter((_, at) => !kept[at]);
}

async function fetchFlags(chunk: readonly CountrySummary[]): Promise<void> {
  const fetched = await arrived(chunk.map(async ({ alpha2 }) => [alpha2, await fetchFlag(alpha2)] as const));
  await Promise.all(fetched.map(([alpha2, svg]) => disk.flags.set(alpha2, svg)));
  showFlags(fetched.map(([alpha2]) => alpha2));
}

async function fetchFlag(alpha2: string): Promise<Uint8Array<ArrayBuffer>> {
  const response = await ask(`/flags/${alpha2}.svg`);
  if (!response.headers.get('content-type')?.startsWith('image/svg+xml')) {
    throw new Error(`the server’s flag of ${alpha2} is not an SVG image`);
  }
  return new Uint8Array(await response.arrayBuffer());
}

async function fetchDetails(chunk: readonly CountrySummary[]): Promise<void> {
  const fetched = await arrived(chunk.map(fetchDetail));
  await Promise.all(fetched.map(([path, answer]) => disk.api.set(path, answer)));
}

async function fetchDetail({ code, name }: CountrySummary): Promise<readonly [string, ApiResponse]> {
  const resource = countryResource(code, name);
  const answer = await answerOf(await ask(resource.path));
  dataOf(resource, answer);
  return [resource.path, answer];
}

function showFlags(flags: readonly string[]): void {
  keptFlags.set(new Set([...keptFlags.get(), ...flags]));
}

/** What arrived; one that did not is told and does not hold up the others. That the upstream went is told elsewhere. */
async function arrived<T>(fetches: readonly Promise<T>[]): Promise<readonly T[]> {
  const results = await Promise.allSettled(fetches);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined && reachable.get() !== false)
    report('Not everything is ready for offline use', failed.reason);
  return results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
}

async function inChunks<T>(
  items: readonly T[],
  work: (chunk: readonly T[]) => Promise<void>,
  progress: (done: number) => void,
): Promise<void> {
  for (let at = 0; at < items.length && reachable.get() !== false; at += AT_ONCE) {
    progress(at);
    await work(items.slice(at, at + AT_ONCE));
    await countOnDisk();
  }
}

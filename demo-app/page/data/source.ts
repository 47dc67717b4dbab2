import type { ApiResponse } from '../../model/stores.ts';
import { answerOf, dataOf } from './answer.ts';
import { countOnDisk, disk } from './disk.ts';
import { reason, report } from './problems.ts';
import type { Resource } from './resources.ts';
import { ask } from './upstream.ts';

/** Data, and where it came from. */
export interface Loaded<T> {
  readonly data: T;
  readonly origin: 'disk' | 'network';
  /** How long it took, milliseconds. */
  readonly took: number;
  /** When it came from the upstream; epoch milliseconds. */
  readonly fetchedAt: number;
  /** Whether the upstream has just said that nothing newer is there. */
  readonly current: boolean;
}

/**
 * Stale while revalidate: what is on disk is shown at once; then the upstream is asked whether it is still current, and what
 * is new is shown and kept. `show` is called at most twice. Rejects only when neither disk nor upstream had an answer.
 */
export async function load<T>(resource: Resource<T>, show: (loaded: Loaded<T>) => void): Promise<void> {
  const kept = await read(resource);
  if (kept !== undefined) show(kept.loaded);
  try {
    show(await refresh(resource, kept));
  } catch (error) {
    if (kept === undefined) throw new Error(`${resource.name} is not on disk yet, and ${reason(error)}.`);
  }
}

interface Kept<T> {
  readonly loaded: Loaded<T>;
  readonly etag: string | undefined;
}

/** What is there but makes no sense is as good as missing, and is fetched again. */
async function read<T>(resource: Resource<T>): Promise<Kept<T> | undefined> {
  const began = performance.now();
  try {
    const answer = await disk.api.get(resource.path);
    if (answer === undefined) return undefined;
    const data = dataOf(resource, answer);
    const took = performance.now() - began;
    const { etag, fetchedAt } = answer;
    return { loaded: { data, origin: 'disk', took, fetchedAt, current: false }, etag };
  } catch (error) {
    report(`${resource.name} could not be read from disk`, error);
    return undefined;
  }
}

async function refresh<T>(resource: Resource<T>, kept: Kept<T> | undefined): Promise<Loaded<T>> {
  const began = performance.now();
  const response = await ask(resource.path, kept?.etag);
  if (response.status === 304 && kept !== undefined) return { ...kept.loaded, current: true };
  const answer = await answerOf(response);
  const data = dataOf(resource, answer);
  const took = performance.now() - began;
  await keep(resource, answer);
  return { data, origin: 'network', took, fetchedAt: answer.fetchedAt, current: true };
}

/** A full disk is no reason to show nothing: the failure is told, the data stays. */
async function keep<T>(resource: Resource<T>, answer: ApiResponse): Promise<void> {
  try {
    await disk.api.set(resource.path, answer);
    await countOnDisk();
  } catch (error) {
    report(`${resource.name} could not be kept on disk`, error);
  }
}

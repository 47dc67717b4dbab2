import type { ApiResponse } from '../../model/stores.ts';
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
  /** When the upstream last said that this is current; epoch milliseconds. */
  readonly checkedAt: number;
}

/**
 * Stale while revalidate: what is on disk is shown at once; then the upstream is asked whether it is still current, and what
 * is new is shown and kept. `show` is called at most twice. Rejects only when neither disk nor upstream had an answer.
 */
export async function load<T>(resource: Resource<T>, show: (loaded: Loaded<T>) => void): Promise<void> {
  const began = performance.now();
  const kept = await read(resource);
  if (kept !== undefined) show({ ...kept, origin: 'disk', took: performance.now() - began });
  try {
    show(await refresh(resource, kept));
  } catch (error) {
    if (kept === undefined) throw new Error(`${resource.name} is not on disk yet, and ${reason(error)}.`);
  }
}

interface Kept<T> {
  readonly data: T;
  readonly etag?: string;
  readonly checkedAt: number;
  readonly took: number;
}

async function read<T>(resource: Resource<T>): Promise<Kept<T> | undefined> {
  const began = performance.now();
  try {
    const answer = await disk.api.get(resource.path);
    if (answer === undefined || !resource.accepts(answer.body)) return undefined;
    const { body, etag, checkedAt } = answer;
    return { data: body, checkedAt, took: performance.now() - began, ...(etag !== undefined && { etag }) };
  } catch (error) {
    report(`${resource.name} could not be read from disk`, error);
    return undefined;
  }
}

async function refresh<T>(resource: Resource<T>, kept: Kept<T> | undefined): Promise<Loaded<T>> {
  const began = performance.now();
  const response = await ask(resource.path, kept?.etag);
  const checkedAt = Date.now();
  if (response.status === 304 && kept !== undefined) {
    const { data, etag, took } = kept;
    await keep(resource, { body: data, checkedAt, ...(etag !== undefined && { etag }) });
    return { data, origin: 'disk', took, checkedAt };
  }
  const body = await bodyOf(response);
  if (!resource.accepts(body)) throw new Error('the server’s answer makes no sense');
  const etag = response.headers.get('etag');
  const took = performance.now() - began;
  await keep(resource, { body, checkedAt, ...(etag !== null && { etag }) });
  return { data: body, origin: 'network', took, checkedAt };
}

async function bodyOf(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch (error) {
    throw new Error('the server’s answer is not JSON', { cause: error });
  }
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

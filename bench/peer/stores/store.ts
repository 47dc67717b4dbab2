/** What an application waits for after a set: `'process'`: a crash of it loses nothing; `'power'`: a power cut loses nothing. */
type Durability = 'process' | 'power';

/** What the values of a store are: text, bytes, or plain objects that have to be encoded. */
export type ItemForm = 'text' | 'bytes' | 'object';

export interface PeerOptions {
  readonly durability: Durability;
  readonly form: ItemForm;
  /** Whether values that were used are kept in memory, where the store can do that. */
  readonly remember: boolean;
}

/** One open store of any make. A method returns a promise where the store's own API does; `awaits` says where. */
export interface PeerStore {
  readonly awaits: { readonly reads: boolean; readonly writes: boolean };
  /** Returns `undefined` for a key that is not there. */
  get(key: string): unknown;
  set(key: string, value: unknown): unknown;
  delete(key: string): unknown;
  /** All or nothing, in one transaction or whatever stands for one. */
  setMany(entries: readonly (readonly [key: string, value: unknown])[]): unknown;
  close(): unknown;
}

/** A way of keeping items on disk, to be measured beside the others. */
export interface Peer {
  readonly name: string;
  /** The setting that stands for each durability; a level that is missing can't be had, and its rows say so. */
  readonly settings: Readonly<Partial<Record<Durability, string>>>;
  /** The part of a round's operations that is done, for stores that take milliseconds for each. Default 1. */
  readonly share?: number;
  /** The items that it holds at most here, for stores that take minutes to be filled with more. */
  readonly maxItems?: number;
  readonly forms: readonly ItemForm[];
  /** Default true. */
  readonly hasTransactions?: boolean;
  /** Opens a store in a directory that exists. */
  open(directory: string, options: PeerOptions): Promise<PeerStore>;
}

const SYNCHRONOUS = { reads: false, writes: false } as const;
const ASYNCHRONOUS = { reads: true, writes: true } as const;
export const AWAITS = { SYNCHRONOUS, ASYNCHRONOUS, WRITES: { reads: false, writes: true } } as const;

/** A package that can't be loaded here. Its rows say so, with the reason. */
export class PeerMissingError extends Error {}

/**
 * Loads a package that may be missing on this machine.
 *
 * @throws {PeerMissingError} with the reason.
 */
export async function loadPackage<Module>(name: string): Promise<Module> {
  try {
    return (await import(name)) as Module;
  } catch (error) {
    const [reason = ''] = String(error instanceof Error ? error.message : error).split('\n');
    throw new PeerMissingError(`not here: ${name}: ${reason}`);
  }
}

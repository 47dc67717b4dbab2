import { setImmediate as nextTurn } from 'node:timers/promises';
import { formatValue } from '../../../protocol/describe-value.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import type { Key } from '../../../protocol/key.ts';
import { assertFunction, assertOptions, assertSignal, isRecord } from '../validate.ts';
import { type ExportHeader, LineReader, type ReadItem } from './export-format.ts';
import { SLICE_MS, type TransferProgress } from './export-store.ts';
import type { ExistingItems, ImportTarget, Outcome } from './import-targets.ts';

/** Lines of an export, with or without line breaks. An array, or a function that starts again, is checked as a whole first. */
export type ExportLines = AsyncIterable<string> | Iterable<string> | (() => AsyncIterable<string> | Iterable<string>);

/** Options of `import`. */
export interface ImportLinesOptions {
  /** What to do with an item that the store has already. Default `'keep'`. */
  readonly existing?: ExistingItems;
  /** Stops between two transactions: the promise rejects with the signal's reason. What was imported stays; importing again adds the rest. */
  readonly signal?: AbortSignal;
  /** Called after each transaction of about 8 ms. */
  readonly onProgress?: (progress: TransferProgress) => void;
}

/** What an import has done with each item. */
export interface ImportLinesResult {
  /** Items that were stored. */
  readonly imported: number;
  /** Items that stayed as the store had them. */
  readonly existing: number;
  /** Items that were left out because they have expired. */
  readonly expired: number;
  /** Items that the store refuses, and why: a value over its size limit, or one that doesn't fit its codec or schema. */
  readonly skipped: readonly { readonly key: Key | undefined; readonly reason: string }[];
}

const OPTIONS: ReadonlySet<string> = new Set([
  'existing',
  'signal',
  'onProgress',
] satisfies (keyof ImportLinesOptions)[]);

/** A batch is stored at this many items or characters. */
const MAX_BATCH_ITEMS = 256;
const MAX_BATCH_CHARACTERS = 2 ** 20;
/** A long text has to be shorter than the longest string of JavaScript, 2^29 characters. */
const MAX_TEXT_BYTES = 2 ** 28;

/**
 * Imports lines of an export, which may come from anywhere: they are data, and each is checked. Works in transactions of about 8 ms. Can be
 * repeated, and so continued after an interruption. O(bytes + n log n).
 *
 * @throws {DiskCacheError} (as a rejection) `CORRUPT` for lines that are no export, changed or cut; `UNSUPPORTED_VERSION`; `BAD_OPTION` for
 * the export of another kind of store; what writing throws. Lines that can be read twice are checked before anything is changed; of others
 * the items before the fault stay imported.
 */
export async function importStore(
  target: ImportTarget,
  lines: ExportLines,
  options?: ImportLinesOptions,
): Promise<ImportLinesResult> {
  const { existing = 'keep', signal, onProgress } = assertOptions(options, OPTIONS);
  if (existing !== 'keep' && existing !== 'replace')
    throw new DiskCacheError('BAD_OPTION', `existing is ${formatValue(existing)}; it has to be 'keep' or 'replace'`);
  assertSignal(signal);
  if (onProgress !== undefined) assertFunction(onProgress, 'onProgress');
  target.now();
  if (typeof lines === 'function' || Array.isArray(lines))
    await checkLines(openLines(lines), signal, (header) => beginImport(target, header));
  const reader = openLines(lines);
  try {
    const header = await reader.readHeader();
    beginImport(target, header);
    return await new ImportRun(target, existing, (done) => {
      onProgress?.({ done, total: Math.max(done, header.items), unit: 'items' });
      signal?.throwIfAborted();
    }).run(reader);
  } finally {
    await reader.close();
  }
}

function openLines(lines: ExportLines): LineReader {
  const opened = typeof lines === 'function' ? lines() : lines;
  if (isRecord(opened) && (Symbol.asyncIterator in opened || Symbol.iterator in opened)) return new LineReader(opened);
  throw new DiskCacheError('BAD_OPTION', 'import takes an iterable of lines, or a function that returns one');
}

/** Checks that a store takes an export, before anything is changed. */
function beginImport(target: ImportTarget, header: ExportHeader): void {
  if (!target.kinds.includes(header.kind)) {
    throw new DiskCacheError(
      'BAD_OPTION',
      `The export is of the kind ${header.kind}, and this store takes ${target.kinds.join(' or ')}; import it into a store of its kind`,
    );
  }
  target.begin(header);
}

/** Reads an export once to its end, and changes nothing. @throws {DiskCacheError} (as a rejection) as `importStore`. */
export const checkExport = (lines: ExportLines, signal?: AbortSignal): Promise<void> =>
  checkLines(openLines(lines), signal, () => {});

async function checkLines(
  reader: LineReader,
  signal: AbortSignal | undefined,
  checkHeader: (header: ExportHeader) => void,
): Promise<void> {
  try {
    checkHeader(await reader.readHeader());
    let sliceStart = performance.now();
    for (let item = await reader.readItem(); item !== undefined; item = await reader.readItem()) {
      if (item.large !== undefined && item.large.form !== 'bytes') await readLarge(reader, item);
      if (performance.now() - sliceStart < SLICE_MS) continue;
      await nextTurn();
      signal?.throwIfAborted();
      sliceStart = performance.now();
    }
  } finally {
    await reader.close();
  }
}

/** Reads a large value whole. */
async function readLarge(reader: LineReader, { large }: ReadItem): Promise<unknown> {
  const { form, size } = large!;
  if (form !== 'bytes' && size > MAX_TEXT_BYTES)
    throw new DiskCacheError(
      'TOO_LARGE',
      `A text of ${size} bytes in the export is longer than the ${MAX_TEXT_BYTES} bytes that can be imported`,
    );
  // The size is only believed as far as bytes come.
  const parts: Uint8Array[] = [];
  for (let part = await reader.readPart(); part !== undefined; part = await reader.readPart()) parts.push(part);
  const bytes = Buffer.concat(parts);
  if (form === 'bytes') return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return form === 'json' ? reader.parseLargeJson(reader.decodeText(bytes)) : reader.decodeText(bytes);
}

/** One import: stores items and counts them. */
class ImportRun {
  readonly #target: ImportTarget;
  readonly #existingItems: ExistingItems;
  /** Tells how many items are done; throws to stop. */
  readonly #onSlice: (done: number) => void;
  readonly #counts = { imported: 0, existing: 0, expired: 0 };
  readonly #skipped: { readonly key: Key | undefined; readonly reason: string }[] = [];
  readonly #batch: ReadItem[] = [];
  #batchCharacters = 0;

  constructor(target: ImportTarget, existing: ExistingItems, onSlice: (done: number) => void) {
    this.#target = target;
    this.#existingItems = existing;
    this.#onSlice = onSlice;
  }

  async run(reader: LineReader): Promise<ImportLinesResult> {
    this.#onSlice(0);
    for (let item = await reader.readItem(); item !== undefined; item = await reader.readItem()) {
      if (item.large === undefined) this.#add(item);
      else if (this.#isExpired(item)) this.#counts.expired++;
      else if (item.large.form === 'bytes' && this.#target.writeBytes !== undefined) await this.#stream(item, reader);
      else this.#add({ ...item, value: await readLarge(reader, item), characters: item.large.size });
      if (this.#batch.length >= MAX_BATCH_ITEMS || this.#batchCharacters >= MAX_BATCH_CHARACTERS) await this.#store();
    }
    await this.#store();
    return { ...this.#counts, skipped: this.#skipped };
  }

  #add(item: ReadItem): void {
    this.#batch.push(item);
    this.#batchCharacters += item.characters;
  }

  #isExpired = ({ expiresAt }: ReadItem): boolean => expiresAt !== undefined && expiresAt <= this.#target.now();

  async #stream(item: ReadItem, reader: LineReader): Promise<void> {
    // Items are stored in the order of their lines.
    await this.#store();
    try {
      const outcome = await this.#target.writeBytes!(item, readParts(reader), this.#existingItems);
      this.#counts[outcome]++;
    } catch (error) {
      this.#skip(item, error);
    }
    await this.#endSlice();
  }

  /** Stores the batch, in transactions of about 8 ms. */
  async #store(): Promise<void> {
    for (let at = 0; at < this.#batch.length; ) {
      const outcomes: (Outcome | 'expired' | { readonly error: unknown })[] = [];
      this.#target.transact(() => {
        // A transaction may run twice.
        outcomes.length = 0;
        const until = performance.now() + SLICE_MS;
        do outcomes.push(this.#write(this.#batch[at + outcomes.length]!));
        while (at + outcomes.length < this.#batch.length && performance.now() < until);
      });
      for (const [nth, outcome] of outcomes.entries()) {
        if (typeof outcome === 'string') this.#counts[outcome]++;
        else this.#skip(this.#batch[at + nth]!, outcome.error);
      }
      at += outcomes.length;
      await this.#endSlice();
    }
    this.#batch.length = 0;
    this.#batchCharacters = 0;
  }

  #write(item: ReadItem): Outcome | 'expired' | { readonly error: unknown } {
    if (this.#isExpired(item)) return 'expired';
    try {
      return this.#target.write(item, item.value, this.#existingItems);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      return { error };
    }
  }

  #skip({ key }: ReadItem, error: unknown): void {
    if (!isRefusal(error)) throw error;
    this.#skipped.push({ key, reason: error.message });
  }

  async #endSlice(): Promise<void> {
    const { imported, existing, expired } = this.#counts;
    this.#onSlice(imported + existing + expired + this.#skipped.length);
    await nextTurn();
  }
}

/** The codes by which a store refuses a single item. All others are about the store itself. */
const isRefusal = (error: unknown): error is DiskCacheError =>
  error instanceof DiskCacheError && ['BAD_KEY', 'BAD_VALUE', 'TOO_LARGE'].includes(error.code);

async function* readParts(reader: LineReader): AsyncGenerator<Uint8Array, void> {
  for (let part = await reader.readPart(); part !== undefined; part = await reader.readPart()) yield part;
}

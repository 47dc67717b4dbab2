import { TextDecoder } from 'node:util';
import { crc32 } from 'node:zlib';
import { DiskCacheError } from '../../../protocol/error.ts';
import type { Key } from '../../../protocol/key.ts';
import { isRecord } from '../validate.ts';
import { fromBase64, fromJson, type JsonValue, toJson } from '../values/json-value.ts';
import { encodeKey } from '../values/key.ts';

/*
 * The lines of an export, each one JSON object: a header, the items, and an end with their number and a checksum. A value whose JSON or bytes
 * take more than `MAX_VALUE_CHARACTERS` follows its item's line in parts. docs/export-format.md is the reference; a test has frozen it.
 */

/** The version of the format. A reader refuses newer ones. */
const FORMAT_VERSION = 1;

const KINDS = ['cache', 'fanout', 'index', 'deque', 'settings', 'queue'] as const;
export type ExportKind = (typeof KINDS)[number];

/** The first line. */
export interface ExportHeader {
  readonly kind: ExportKind;
  /** Epoch milliseconds. */
  readonly exportedAt: number;
  /** What the store was opened with: limits and policy of a cache, `maxLength` of a deque, the version of settings or an index, the last id of a queue. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** The number of items when the export began. It may change meanwhile. */
  readonly items: number;
  /** How many values of a deque are before the first one in the export. */
  readonly start: number;
}

/** What a line of an item says besides its value. */
export interface ItemFacts {
  /** Where the item is in the export, for `after`. */
  readonly at: ExportPosition;
  /** Undefined for a value of a deque. */
  readonly key: Key | undefined;
  readonly tag?: string | number;
  /** Epoch milliseconds. */
  readonly expiresAt?: number;
  /** Epoch milliseconds. For the reader only: an imported item is stored when it is imported. */
  readonly storedAt?: number;
  /** Never evicted: what locks and other recipes store. */
  readonly isPinned?: boolean;
  /** The prefix of the queue that the item was pushed to; null without one. */
  readonly queue?: Key;
}

/** The id of the last item; in a FanoutCache also its shard. */
export type ExportPosition = number | readonly [id: number, shard: number];

/** How the parts of a large value are read: as bytes, as UTF-8 text, or as the text of its JSON. */
export type LargeForm = 'bytes' | 'text' | 'json';

/** A longer line is refused. Keys take at most 64 KiB, values `MAX_VALUE_CHARACTERS`. */
export const MAX_LINE_CHARACTERS = 4 * 2 ** 20;
/** A value whose JSON is longer is written in parts. */
export const MAX_VALUE_CHARACTERS = 2 ** 20;
/** Bytes of a part before base64. */
export const PART_BYTES = 512 * 2 ** 10;
/** Larger values are refused, as a `Uint8Array` can't be much larger in every runtime. */
const MAX_LARGE_BYTES = 2 ** 32;

/** Writes lines, and sums up what the last one says. */
export class LineWriter {
  #check = 0;
  #items = 0;

  header({ kind, exportedAt, settings, items, start }: ExportHeader): string {
    return this.#line({
      deskcache: 'export',
      version: FORMAT_VERSION,
      kind,
      exportedAt,
      items,
      ...(start > 0 && { start }),
      settings: toJson(settings),
    });
  }

  item(facts: ItemFacts, value: string): string {
    this.#items++;
    return this.#text(`${JSON.stringify(toItemJson(facts)).slice(0, -1)},"value":${value}}`);
  }

  large(facts: ItemFacts, form: LargeForm, size: number): string {
    this.#items++;
    return this.#line({ ...toItemJson(facts), large: form, size });
  }

  part(bytes: Uint8Array): string {
    return this.#line({ part: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64') });
  }

  end(): string {
    return this.#line({ end: true, items: this.#items, crc32: formatCheck(this.#check) });
  }

  #line = (json: JsonValue): string => this.#text(JSON.stringify(json));

  #text(line: string): string {
    if (line.length > MAX_LINE_CHARACTERS)
      throw new DiskCacheError(
        'TOO_LARGE',
        `An item has a tag of more than ${MAX_LINE_CHARACTERS} characters, which an export can't hold; give it a shorter one`,
      );
    this.#check = crc32('\n', crc32(line, this.#check));
    return line;
  }
}

function toItemJson({ at, key, tag, expiresAt, storedAt, isPinned, queue }: ItemFacts): {
  readonly [name: string]: JsonValue;
} {
  return {
    at,
    ...(key !== undefined && { key: toJson(key) }),
    ...(tag !== undefined && { tag: toJson(tag) }),
    ...(expiresAt !== undefined && { expiresAt }),
    ...(storedAt !== undefined && { storedAt: Math.floor(storedAt) }),
    ...(isPinned && { pinned: true }),
    ...(queue !== undefined && { queue: toJson(queue) }),
  };
}

const formatCheck = (check: number): string => check.toString(16).padStart(8, '0');

/** An item that was read. A large value has to be taken from the reader before the next item. */
export interface ReadItem extends ItemFacts {
  readonly value?: unknown;
  readonly large?: { readonly form: LargeForm; readonly size: number };
  /** The characters of its line. */
  readonly characters: number;
}

/**
 * Reads and checks lines, which may come from anywhere. Every method rejects with `CORRUPT` and the number of the line for what no export
 * contains, and for an export without its end.
 */
export class LineReader {
  readonly #lines: AsyncIterator<string> | Iterator<string>;
  #check = 0;
  #items = 0;
  #lineNumber = 0;
  /** Bytes of the present value that were not read yet. */
  #rest = 0;
  #kind: ExportKind = 'cache';

  constructor(lines: AsyncIterable<string> | Iterable<string>) {
    this.#lines = Symbol.asyncIterator in lines ? lines[Symbol.asyncIterator]() : lines[Symbol.iterator]();
  }

  /** @throws {DiskCacheError} (as a rejection) `UNSUPPORTED_VERSION` for the format of a newer deskcache. */
  async readHeader(): Promise<ExportHeader> {
    const { deskcache, version, kind, exportedAt, items, start = 0, settings } = (await this.#next()) ?? {};
    if (deskcache !== 'export') throw this.#fault('it is not the first line of an export');
    if (typeof version !== 'number' || version !== FORMAT_VERSION)
      throw new DiskCacheError(
        'UNSUPPORTED_VERSION',
        `The export has format ${JSON.stringify(version)?.slice(0, 40)}, and this version of deskcache knows ${FORMAT_VERSION}; update deskcache`,
      );
    if (!KINDS.includes(kind as ExportKind) || !isCount(exportedAt) || !isCount(items) || !isCount(start))
      throw this.#fault('its kind, time or number of items is wrong');
    const read = this.#decode(settings);
    if (!isRecord(read)) throw this.#fault('it has no settings');
    this.#kind = kind as ExportKind;
    return { kind: this.#kind, exportedAt, items, start, settings: read as Readonly<Record<string, unknown>> };
  }

  /** Returns the next item, and passes over what was not taken of the one before; undefined at the end. */
  async readItem(): Promise<ReadItem | undefined> {
    while (this.#rest > 0) await this.readPart();
    const [check, items] = [this.#check, this.#items];
    const line = await this.#next();
    if (line === undefined) throw this.#fault('the export ends here, without its last line: a part of it is missing');
    if (line['end'] !== true) return this.#parseItem(line);
    if (line['items'] !== items || line['crc32'] !== formatCheck(check))
      throw this.#fault('its checksum or number of items differs: lines before it were changed or are missing');
    if ((await this.#pull()) !== undefined) throw this.#fault('it follows the end of the export');
    return undefined;
  }

  /** Returns the next part of a large value; undefined at its end. */
  async readPart(): Promise<Uint8Array | undefined> {
    if (this.#rest === 0) return undefined;
    const { part } = (await this.#next()) ?? {};
    const bytes = typeof part === 'string' ? fromBase64(part) : undefined;
    if (bytes === undefined || bytes.length === 0 || bytes.length > this.#rest)
      throw this.#fault('it has to be the next part of the value before it');
    this.#rest -= bytes.length;
    return bytes;
  }

  /** Decodes the JSON of a large value. */
  readonly parseLargeJson = (text: string): unknown => this.#decode(this.#parseJson(text));

  /** Decodes the bytes of a long text. */
  decodeText(bytes: Uint8Array): string {
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      throw this.#fault('it ends a text that is not UTF-8');
    }
  }

  /** Ends the iteration of the lines before their end. */
  async close(): Promise<void> {
    await this.#lines.return?.();
  }

  #parseItem(line: Readonly<Record<string, unknown>>): ReadItem {
    const { at, tag: tagJson, expiresAt, storedAt, pinned, queue: queueJson, large: form, size } = line;
    const isOfCache = this.#kind === 'cache' || this.#kind === 'fanout';
    const hasKey = Object.hasOwn(line, 'key');
    if (!isPosition(at)) throw this.#fault('it has no position');
    if (hasKey === (this.#kind === 'deque')) throw this.#fault('it has no key, or is of a deque and has one');
    if (!isOfCache && [tagJson, expiresAt, pinned, queueJson].some((it) => it !== undefined))
      throw this.#fault('only items of a cache have a tag, an expiry or a queue');
    const tag = this.#decode(tagJson);
    if (tag !== undefined && typeof tag !== 'string' && (typeof tag !== 'number' || Number.isNaN(tag)))
      throw this.#fault('its tag is neither a text nor a number');
    for (const time of [expiresAt, storedAt])
      if (time !== undefined && !(typeof time === 'number' && Number.isFinite(time)))
        throw this.#fault('a time in it is not a number');
    if (pinned !== undefined && pinned !== true) throw this.#fault('pinned is not true');
    const facts: ItemFacts = {
      at,
      key: hasKey ? this.#decodeKey(line['key']) : undefined,
      ...(tag !== undefined && { tag }),
      ...(expiresAt !== undefined && { expiresAt: expiresAt as number }),
      ...(storedAt !== undefined && { storedAt: storedAt as number }),
      ...(pinned && { isPinned: true }),
      ...(queueJson !== undefined && { queue: this.#decodeKey(queueJson) }),
    };
    this.#items++;
    const { characters } = this;
    if (form === undefined) {
      if (!Object.hasOwn(line, 'value')) throw this.#fault('it has no value');
      return { ...facts, value: this.#decode(line['value']), characters };
    }
    if ((form !== 'bytes' && form !== 'text' && form !== 'json') || !isCount(size) || size > MAX_LARGE_BYTES)
      throw this.#fault('the size or the form of its value is wrong');
    this.#rest = size;
    return { ...facts, large: { form, size }, characters };
  }

  characters = 0;

  async #next(): Promise<Readonly<Record<string, unknown>> | undefined> {
    const line = await this.#pull();
    if (line === undefined) return undefined;
    this.#check = crc32('\n', crc32(line, this.#check));
    const json = this.#parseJson(line);
    if (!isRecord(json) || Array.isArray(json)) throw this.#fault('it is no JSON object');
    return json as Readonly<Record<string, unknown>>;
  }

  /** Returns the next line without its line break. */
  async #pull(): Promise<string | undefined> {
    const { done, value } = await this.#lines.next();
    this.#lineNumber++;
    if (done) return undefined;
    if (typeof value !== 'string')
      throw new DiskCacheError('BAD_OPTION', 'import takes lines of text, as export gives them');
    this.characters = value.length;
    if (value.length > MAX_LINE_CHARACTERS)
      throw this.#fault(`it has more than the ${MAX_LINE_CHARACTERS} characters of the longest line`);
    return value.endsWith('\n') ? value.slice(0, value.endsWith('\r\n') ? -2 : -1) : value;
  }

  #parseJson(text: string): unknown {
    try {
      return JSON.parse(text);
    } catch {
      throw this.#fault('it is no JSON');
    }
  }

  #decode(json: unknown): unknown {
    try {
      return fromJson(json);
    } catch (error) {
      throw this.#fault((error as Error).message);
    }
  }

  #decodeKey(json: unknown): Key {
    const key = this.#decode(json) as Key;
    try {
      encodeKey(key);
      return key;
    } catch (error) {
      throw this.#fault((error as Error).message);
    }
  }

  #fault(why: string): DiskCacheError {
    return new DiskCacheError(
      'CORRUPT',
      `Line ${this.#lineNumber} of the export can't be imported: ${why}. Export again`,
    );
  }
}

/** Reads only the first line. @throws {DiskCacheError} (as a rejection) `CORRUPT`, `UNSUPPORTED_VERSION` */
export async function readExportHeader(lines: AsyncIterable<string> | Iterable<string>): Promise<ExportHeader> {
  const reader = new LineReader(lines);
  try {
    return await reader.readHeader();
  } finally {
    await reader.close();
  }
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** Returns whether a value can be the position of an item. */
export const isPosition = (value: unknown): value is ExportPosition =>
  Number.isSafeInteger(value) ||
  (Array.isArray(value) && value.length === 2 && Number.isSafeInteger(value[0]) && isCount(value[1]));

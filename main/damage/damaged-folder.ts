import { existsSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  DAMAGED_FOLDER,
  listFolders,
  makeDurableFolder,
  readSmallFile,
  STAMP_PATTERN,
  syncFile,
  syncIfPossible,
  toFileError,
  toStamp,
} from '../engine/internal.ts';
import { type DamageReport, isDamageReport } from './report.ts';

/*
 * The folder in which a host keeps damaged stores. A store named `notes` that was damaged at some time is there as
 *
 *   notes-2026-12-01T04-10-00Z          the damaged store
 *   notes-2026-12-01T04-10-00Z.json     the report
 *   notes-2026-12-01T04-10-00Z.fresh    the store that takes its place, until it does
 *   notes.noticed                       a call has met damage: the next start looks at the store
 *
 * The order of the steps says how far a killed process came: the fresh store is complete before the damaged one is moved, and it gets its
 * place only after that. So one of the two is always whole, and the next start ends what was begun.
 */

const FRESH_SUFFIX = '.fresh';
const REPORT_SUFFIX = '.json';
const NOTICED_SUFFIX = '.noticed';
/** A time, and a number where several stores were damaged in one second. */
const NAME_END = new RegExp(`^${STAMP_PATTERN.source}(?:-\\d+)?$`);
const MAX_REPORT_BYTES = 64 * 1024;

/** A store's place in the folder; `/` of its name is `+` there. */
export class DamagedFolder {
  readonly #folder: string;
  readonly #name: string;

  constructor(hostDirectory: string, store: string) {
    this.#folder = join(hostDirectory, DAMAGED_FOLDER);
    this.#name = store.replaceAll('/', '+');
  }

  /** Returns a path in the folder that is not in use yet, for a store that was found damaged at this time. */
  createPath(at: number): string {
    this.#translate(() => makeDurableFolder(this.#folder));
    const first = join(this.#folder, `${this.#name}-${toStamp(at)}`);
    for (let nth = 1; ; nth++) {
      const path = nth === 1 ? first : `${first}-${nth}`;
      if (!existsSync(path) && !existsSync(getFreshPath(path))) return path;
    }
  }

  /** Moves a damaged store to a path of `createPath`, and the fresh one there, if any, to the store's place. */
  replace(directory: string, path: string, report: DamageReport): void {
    this.#translate(() => {
      writeFileSync(path + REPORT_SUFFIX, `${JSON.stringify(report, undefined, 2)}\n`, { mode: 0o600 });
      syncFile(path + REPORT_SUFFIX);
      syncIfPossible(this.#folder);
      renameSync(directory, path);
      if (existsSync(getFreshPath(path))) renameSync(getFreshPath(path), directory);
      for (const folder of [this.#folder, dirname(directory)]) syncIfPossible(folder);
    });
  }

  /** Moves some of a damaged store's folders and files, in the order given. Those that remain go on being its own. */
  setPartsAside(directory: string, parts: readonly string[], path: string, report: DamageReport): void {
    this.#translate(() => {
      writeFileSync(path + REPORT_SUFFIX, `${JSON.stringify(report, undefined, 2)}\n`, { mode: 0o600 });
      makeDurableFolder(path);
      for (const part of parts) renameSync(join(directory, part), join(path, part));
      for (const folder of [path, this.#folder, directory]) syncIfPossible(folder);
    });
  }

  /** Ends what a killed process has begun: a fresh store gets its place, or is removed if it may be incomplete. Returns the report. */
  finishReplacement(directory: string): DamageReport | undefined {
    let report: DamageReport | undefined;
    for (const name of this.#list(FRESH_SUFFIX)) {
      const path = join(this.#folder, name.slice(0, -FRESH_SUFFIX.length));
      this.#translate(() => {
        if (!existsSync(path)) rmSync(join(this.#folder, name), { recursive: true, force: true });
        else if (!existsSync(directory)) {
          renameSync(join(this.#folder, name), directory);
          for (const folder of [this.#folder, dirname(directory)]) syncIfPossible(folder);
          report = readReport(path + REPORT_SUFFIX);
        }
      });
    }
    return report;
  }

  /** Keeps the newest ones of the stores that were set aside: a cache can be filled again, and the disk would fill up. */
  removeOldest(kept: number): void {
    const names = listFolders(this.#folder).filter((name) => this.#isOwn(name, ''));
    for (const name of names.sort().slice(0, -kept)) {
      this.#translate(() => rmSync(join(this.#folder, name), { recursive: true, force: true }));
    }
  }

  get isNoticed(): boolean {
    return existsSync(this.#noticedPath);
  }

  /** Marks the store, so that the next start looks at it. */
  notice(): void {
    this.#translate(() => {
      makeDurableFolder(this.#folder);
      writeFileSync(this.#noticedPath, '', { mode: 0o600 });
    });
  }

  removeNotice(): void {
    this.#translate(() => rmSync(this.#noticedPath, { force: true }));
  }

  get #noticedPath(): string {
    return join(this.#folder, this.#name + NOTICED_SUFFIX);
  }

  #list(suffix: string): string[] {
    if (!existsSync(this.#folder)) return [];
    return this.#translate(() =>
      readdirSync(this.#folder)
        .filter((name) => this.#isOwn(name, suffix))
        .sort(),
    );
  }

  #isOwn(name: string, suffix: string): boolean {
    if (!name.startsWith(`${this.#name}-`) || !name.endsWith(suffix)) return false;
    return NAME_END.test(name.slice(this.#name.length + 1, name.length - suffix.length));
  }

  /** @throws {DiskCacheError} */
  #translate<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw toFileError(error, this.#folder);
    }
  }
}

export const getFreshPath = (path: string): string => path + FRESH_SUFFIX;

function readReport(path: string): DamageReport | undefined {
  try {
    const report: unknown = JSON.parse(readSmallFile(path, MAX_REPORT_BYTES)?.toString() ?? '');
    return isDamageReport(report) ? report : undefined;
  } catch {
    // The stores are in place; only what was told of them is lost.
    return undefined;
  }
}

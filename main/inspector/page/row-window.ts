import type { Row, Rows } from '../contract.ts';

const BLOCK_ROWS = 64;
const MAX_KEPT_BLOCKS = 64;
const MAX_LOADING = 2;

export type ReadRows = (from: number, count: number) => Promise<Rows>;

/**
 * The rows of a list near what is shown, read in blocks. While somebody scrolls fast only the blocks that are wanted last are read, at most two at once;
 * those that were shown the longest time ago are dropped.
 */
export class RowWindow {
  readonly #read: ReadRows;
  readonly #onChange: () => void;
  readonly #blocks = new Map<number, readonly Row[]>();
  readonly #loading = new Set<number>();
  #wanted: readonly number[] = [];
  total = 0;
  isComplete = false;
  isCut = false;
  error: Error | undefined;

  constructor(read: ReadRows, onChange: () => void) {
    this.#read = read;
    this.#onChange = onChange;
    this.show(0, BLOCK_ROWS);
  }

  /** Undefined while it is read. */
  get(index: number): Row | undefined {
    return this.#blocks.get(Math.floor(index / BLOCK_ROWS))?.[index % BLOCK_ROWS];
  }

  /** Number of rows that are kept. */
  get kept(): number {
    return this.#blocks.size * BLOCK_ROWS;
  }

  /** Tells which rows are shown. */
  show(from: number, to: number): void {
    const wanted: number[] = [];
    for (let block = Math.floor(from / BLOCK_ROWS); block * BLOCK_ROWS < to; block++) wanted.push(block);
    this.#wanted = wanted;
    for (const block of wanted) this.#markShown(block);
    this.#load();
  }

  #markShown(block: number): void {
    const rows = this.#blocks.get(block);
    if (rows === undefined) return;
    this.#blocks.delete(block);
    this.#blocks.set(block, rows);
  }

  #load(): void {
    for (const block of this.#wanted) {
      if (this.#loading.size >= MAX_LOADING) return;
      if (this.#blocks.has(block) || this.#loading.has(block)) continue;
      this.#loading.add(block);
      this.#read(block * BLOCK_ROWS, BLOCK_ROWS)
        .then(
          (found) => this.#add(block, found),
          (error: Error) => {
            this.error = error;
            this.#wanted = [];
          },
        )
        .finally(() => {
          this.#loading.delete(block);
          this.#onChange();
          this.#load();
        });
    }
  }

  #add(block: number, { rows, total, isComplete, isCut }: Rows): void {
    Object.assign(this, { total, isComplete, isCut });
    this.#blocks.set(block, rows);
    for (const oldest of this.#blocks.keys()) {
      if (this.#blocks.size <= MAX_KEPT_BLOCKS) return;
      this.#blocks.delete(oldest);
    }
  }
}

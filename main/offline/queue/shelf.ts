import type { Index, Key } from '../../engine/index.ts';

/** Rows of one kind in an index, under keys that begin with its name: `[name, ...path]`. */
export class Shelf<Path extends readonly Key[], Row> {
  readonly name: string;
  readonly #index: Index;

  constructor(index: Index, name: string) {
    this.#index = index;
    this.name = name;
  }

  key(...path: Path): Key {
    return [this.name, ...path];
  }

  get(...path: Path): Row | undefined {
    return this.#index.get(this.key(...path)) as Row | undefined;
  }

  has(...path: Path): boolean {
    return this.#index.has(this.key(...path));
  }

  put(path: Path, row: Row): void {
    this.#index.set(this.key(...path), row);
  }

  /** Whether there was such a row. */
  delete(...path: Path): boolean {
    return this.#index.delete(this.key(...path));
  }

  clear(): void {
    for (const path of [...this.paths()]) this.delete(...path);
  }

  /** The first so many paths that begin with `within`, in the order of keys; read before any is answered. */
  first(count: number, ...within: readonly Key[]): Path[] {
    const keys = this.#index.keys({ order: 'key', prefix: [this.name, ...within], limit: count });
    return Array.from(keys, pathOf<Path>);
  }

  /** The first so many paths from one on, in the order of keys; read before any is answered. */
  onward(count: number, from: readonly Key[] = []): Path[] {
    const range = { order: 'key', prefix: [this.name], from: [this.name, ...from], limit: count } as const;
    return Array.from(this.#index.keys(range), pathOf<Path>);
  }

  /** All paths in the order of keys, page by page: rows may be changed meanwhile. */
  *paths(): Generator<Path, void, undefined> {
    for (const key of this.#index.keys({ order: 'key', prefix: [this.name] })) {
      yield pathOf<Path>(key);
    }
  }

  /** All rows with their paths, read before any is answered. For shelves with few rows. */
  rows(): [Path, Row][] {
    const entries = this.#index.entries({ order: 'key', prefix: [this.name] });
    return Array.from(entries, ([key, row]) => [pathOf<Path>(key), row as Row]);
  }
}

const pathOf = <Path>(key: Key): Path => (key as readonly Key[]).slice(1) as Path;

/** Labels of one kind that are kept apart: names of stores and methods, and of errors. */
const MAX_LABELS = 256;
const OTHER_LABELS = '(other)';

/** A value for each label. The first `MAX_LABELS` have one of their own, others share one, so that memory stays bounded. */
export class ByLabel<T> {
  readonly #values = new Map<string, T>();
  readonly #create: () => T;

  constructor(create: () => T) {
    this.#create = create;
  }

  get(label: string): T {
    const known = this.#values.get(label);
    if (known !== undefined) return known;
    if (this.#values.size >= MAX_LABELS && label !== OTHER_LABELS) return this.get(OTHER_LABELS);
    const created = this.#create();
    this.#values.set(label, created);
    return created;
  }

  /** Returns plain data: what `toData` makes of each value, by its label. */
  read<D>(toData: (value: T) => D): Readonly<Record<string, D>> {
    return Object.fromEntries(Array.from(this.#values, ([label, value]) => [label, toData(value)]));
  }
}

/** Counts events by their label. */
export class CountsByLabel {
  readonly #counts = new ByLabel(() => ({ count: 0 }));

  add(label: string): void {
    this.#counts.get(label).count++;
  }

  read(): Readonly<Record<string, number>> {
    return this.#counts.read(({ count }) => count);
  }
}

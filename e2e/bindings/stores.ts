import { defineStores, deque, index, settings } from 'deskcache';

export interface Preferences {
  readonly theme: 'light' | 'dark';
  readonly editor: { readonly fontSize: number };
}

export interface Note {
  readonly title: string;
}

/** A row of the long list. */
export interface Row {
  readonly name: string;
  readonly price: number;
}

/** Refuses what `isValid` does not hold for, with `message`. */
const createSchema = <T>(isValid: (value: T) => boolean, message: string) => ({
  '~standard': {
    version: 1 as const,
    validate: (value: unknown) => (isValid(value as T) ? { value: value as T } : { issues: [{ message }] }),
  },
});

export const stores = defineStores({
  preferences: settings<Preferences>({
    defaults: { theme: 'light', editor: { fontSize: 13 } },
    schema: { editor: createSchema(({ fontSize }) => fontSize <= 40, 'the font is too large') },
  }),
  notes: index<string, Note>({ schema: createSchema(({ title }) => title !== '', 'a note has a title') }),
  rows: index<number, Row>(),
  drafts: deque<string>(),
});

import { defineStores, deque, index, settings } from 'deskcache';

export interface Note {
  readonly text: string;
}

export interface AppSettings {
  theme: 'light' | 'dark';
  editor: { fontSize: number };
}

export const stores = defineStores({
  app: settings<AppSettings>({ defaults: { theme: 'light', editor: { fontSize: 13 } } }),
  notes: index<string, Note>(),
  /** Pages may only read it. */
  locked: index<string, string>(),
  outbox: deque<string>(),
  rows: index<string, number>({ durability: 'process' }),
});

/** The stores of the notes application, as main process and page share them. */
import { defineStores, index, settings } from 'deskcache';

export interface Note {
  readonly title: string;
  readonly text: string;
}

export interface AppSettings {
  readonly theme: 'light' | 'dark';
  readonly editor: { readonly fontSize: number };
}

export const stores = defineStores({
  notes: index<string, Note>(),
  settings: settings<AppSettings>({ defaults: { theme: 'light', editor: { fontSize: 14 } } }),
});

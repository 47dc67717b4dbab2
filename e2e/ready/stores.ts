import { defineStores, settings } from 'deskcache';

export interface AppSettings {
  theme: 'light' | 'dark';
  editor: { fontSize: number };
  since: Date;
  shortcuts: Map<string, string>;
  key: Uint8Array;
  limit: bigint;
}

export const stores = defineStores({
  settings: settings<AppSettings>({
    defaults: {
      theme: 'light',
      editor: { fontSize: 13 },
      since: new Date(0),
      shortcuts: new Map([['save', 'Ctrl+S']]),
      key: new Uint8Array([1, 2, 3]),
      limit: 2n ** 70n,
    },
  }),
  large: settings<{ text: string }>({ defaults: { text: '' } }),
  secret: settings<{ word: string }>({ defaults: { word: 'swordfish' } }),
});

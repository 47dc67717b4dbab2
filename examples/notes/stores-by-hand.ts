/** The stores of the notes application before `settings()`: a setting has neither a type by its name nor a default. */
import { defineStores, index } from 'deskcache';
import type { Note } from './stores';

export const stores = defineStores({
  notes: index<string, Note>(),
  settings: index<string, unknown>(),
});

import type { NearPage } from './near-pages.ts';
import { Rota } from './rota.ts';

/** What the sessions of one application have in common. */
export class Lobby {
  /** Whose turn it is. */
  readonly rota = new Rota();
  /** Pages that keep something near: who writes waits until they have dropped it. */
  readonly nearPages = new Set<NearPage>();
}

import type { NearPage } from './near-pages.ts';
import { Principals } from './principal.ts';
import { Rota } from './rota.ts';

/** What the sessions of one application have in common. */
export class Lobby {
  /** Whose turn it is. */
  readonly rota = new Rota();
  /** Pages that keep something near: who writes waits until they have dropped it. */
  readonly nearPages = new Set<NearPage>();
  /** What the pages of each origin in each window have used. */
  readonly principals = new Principals();
}

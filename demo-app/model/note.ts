/** A note about a country that was sent to the server. */
export interface FieldNote {
  /** Created with the draft, so that the server recognises a note that arrives twice. */
  readonly id: string;
  /** ISO 3166-1 alpha-3. */
  readonly code: string;
  readonly text: string;
  /** Epoch milliseconds. */
  readonly writtenAt: number;
}

/** A note that is being written; `id` becomes that of the note. */
export interface Draft {
  readonly id: string;
  readonly text: string;
  /** Epoch milliseconds. */
  readonly editedAt: number;
}

/** The name of the queue of unsent notes. */
export const OUTBOX = 'outbox';

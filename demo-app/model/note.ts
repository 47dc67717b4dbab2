/** What somebody wrote about a country and sent to the server. */
export interface FieldNote {
  /** Made where it was written: a note that arrives twice is known again. */
  readonly id: string;
  /** ISO 3166-1 alpha-3. */
  readonly code: string;
  readonly text: string;
  /** Epoch milliseconds. */
  readonly writtenAt: number;
}

/** A note as it is being written; `id` is that of the note it becomes. */
export interface Draft {
  readonly id: string;
  readonly text: string;
  /** Epoch milliseconds. */
  readonly editedAt: number;
}

/** The queue of notes on their way. */
export const OUTBOX = 'outbox';

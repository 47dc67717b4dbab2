import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import type { FieldNote } from '../model/note.ts';

/** Maximum length of a note, in characters. */
const MAX_TEXT_LENGTH = 280;

/** The server's reply to a note; `why` is for people. */
export interface NoteVerdict {
  readonly status: 200 | 201 | 400 | 422;
  readonly reason?: string;
}

/** The received notes, kept in a file of JSON lines if there is one. */
export class Notes {
  readonly #byId = new Map<string, FieldNote>();
  readonly #file: string | undefined;

  constructor(file: string | undefined) {
    this.#file = file;
    if (file === undefined || !existsSync(file)) return;
    for (const line of readFileSync(file, 'utf8').trim().split('\n')) this.#remember(JSON.parse(line) as FieldNote);
  }

  /** Oldest first. */
  all(): readonly FieldNote[] {
    return [...this.#byId.values()];
  }

  /** Accepts a note as JSON. A note that is already known is accepted and changes nothing. */
  accept(json: string): NoteVerdict {
    const note = parseNote(json);
    if (note === undefined) return { status: 400, reason: 'this is not a note' };
    if (note.text.length > MAX_TEXT_LENGTH)
      return { status: 422, reason: `a note has at most ${MAX_TEXT_LENGTH} characters` };
    if (this.#byId.has(note.id)) return { status: 200 };
    if (this.#file !== undefined) appendFileSync(this.#file, `${JSON.stringify(note)}\n`);
    this.#remember(note);
    return { status: 201 };
  }

  #remember(note: FieldNote): void {
    this.#byId.set(note.id, note);
  }
}

function parseNote(json: string): FieldNote | undefined {
  try {
    const { id, code, text, writtenAt } = JSON.parse(json) as FieldNote;
    const isNote = [id, code, text].every((part) => typeof part === 'string') && Number.isFinite(writtenAt);
    return isNote ? { id, code, text, writtenAt } : undefined;
  } catch {
    return undefined;
  }
}

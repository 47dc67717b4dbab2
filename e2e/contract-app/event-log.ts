/** What happened in the tiny application's main process, in order: events as lines of text. */
export const eventLog: string[] = [];

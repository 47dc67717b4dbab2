/** What the contract test can ask for by name. The result is sent back as JSON, so it may be anything JSON can hold. */
export type AppCommand = (...args: string[]) => unknown;

import type { Placement } from 'deskcache/main';

/** Where an application of the end-to-end tests has its engine: the same one runs in both places, see playwright.config.ts. */
export const placement: Placement = process.argv.includes('--utility') ? 'utility' : 'main';

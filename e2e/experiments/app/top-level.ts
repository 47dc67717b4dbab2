/** The mistake of experiment `top-level-await`: an ES module that waits at its top level for what waits for its end. */
import { openDiskCache } from 'deskcache/main';
import { stores } from './stores.ts';

await openDiskCache({ stores });
console.log('opened at the top level');

import { render } from 'preact';
import { Atlas } from './atlas.tsx';
import { countOnDisk } from './data/disk.ts';
import { findNotes } from './data/notes.ts';
import { report } from './data/problems.ts';
import { watchUpstream } from './data/upstream.ts';

watchUpstream();
findNotes().catch((error: unknown) => report('The notes could not be listed', error));
countOnDisk().catch((error: unknown) => report('The disk could not be read', error));

const root = document.getElementById('atlas');
if (root === null) throw new Error('index.html has no element with the id "atlas"');
render(<Atlas />, root);

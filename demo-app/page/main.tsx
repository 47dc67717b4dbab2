import { render } from 'preact';
import { Atlas } from './atlas.tsx';
import { watchDrafts } from './data/drafts.ts';
import { reportError } from './data/errors.ts';
import { watchConnection } from './data/network.ts';
import { watchOutbox } from './data/outbox.ts';

Promise.all([watchConnection(), watchDrafts(), watchOutbox()]).catch((error: unknown) =>
  reportError('The disk could not be read', error),
);

const root = document.getElementById('atlas');
if (root === null) throw new Error('index.html has no element with the id "atlas"');
render(<Atlas />, root);

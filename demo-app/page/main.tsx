import { render } from 'preact';
import { Atlas } from './atlas.tsx';
import { watchDrafts } from './data/drafts.ts';
import { watchNetwork } from './data/network.ts';
import { watchOutbox } from './data/outbox.ts';
import { report } from './data/problems.ts';

Promise.all([watchNetwork(), watchDrafts(), watchOutbox()]).catch((error: unknown) =>
  report('The disk could not be read', error),
);

const root = document.getElementById('atlas');
if (root === null) throw new Error('index.html has no element with the id "atlas"');
render(<Atlas />, root);

import { render } from 'preact';
import { beginSession } from './client.ts';
import { ErrorNote } from './view/error-note.tsx';
import { Inspector } from './view/inspector.tsx';

const root = document.getElementById('inspector');
if (root === null) throw new Error('index.html has no element with the id "inspector"');
beginSession().then(
  () => render(<Inspector />, root),
  (error: Error) => render(<ErrorNote error={error} />, root),
);

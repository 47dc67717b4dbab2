import { type Experiment, evaluateWithTimeout } from './experiment.ts';

const CHUNK_BYTES = 100_000;

/** What a page does in the middle of an upload and stays where it is. */
const DETOURS: Readonly<Record<string, string>> = {
  'a prevented link': `location.href = 'app://lab/forbidden'`,
  'a download': `location.href = 'app://lab/download'`,
  'a 204': `location.href = 'app://lab/nothing'`,
};

/** Ten chunks; between the fifth and the sixth the page tries to leave. */
const createUploadScript = (detour: string) => `(async () => {
  let n = 0;
  const body = new ReadableStream({
    async pull(out) {
      if (++n > 10) return out.close();
      if (n === 6) { ${detour}; await new Promise((done) => setTimeout(done, 500)); }
      out.enqueue(new Uint8Array(${CHUNK_BYTES}).fill(n));
    },
  });
  await diskCache.cache('uploads').writeStream('upload', body);
  const bytes = await diskCache.cache('uploads').get('upload');
  return bytes.length === ${10 * CHUNK_BYTES} ? 'whole' : bytes.length + ' bytes';
})()`;

export const uploadAcrossNavigation: Experiment = {
  question: 'Does an upload go on when the page follows a prevented link, starts a download or gets a 204?',
  expected: 'a prevented link: whole; a download: whole; a 204: whole',
  async run(lab) {
    const { app, page } = await lab.start();
    const answers: string[] = [];
    for (const [name, detour] of Object.entries(DETOURS)) {
      // A page that was lost to one detour must not decide about the next.
      if (app.url(page) !== 'app://lab/') await page.goto(page.url().replace(/[^/]*$/, '')).catch(() => {});
      answers.push(`${name}: ${await evaluateWithTimeout(page, createUploadScript(detour))}`);
    }
    return answers.join('; ');
  },
};

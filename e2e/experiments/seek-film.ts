import { type Experiment, evaluateWithTimeout, sendCommand } from './experiment.ts';

/** A recording of 500 MB: 44,100 samples a second, two channels, 16 bits. */
const FILM_SECONDS = 2835;
const SEEK_MS = 5000;
const MAX_GROWTH_BYTES = 128 * 2 ** 20;
const SEEK_POSITIONS = [0.9, 0.1, 0.5];

export const seekFilm: Experiment = {
  question: 'Does a player seek in 500 MB from deskcache://, without all of it going through memory?',
  expected: '500 MB: 3 of 3 seeks within 5 s; the main process grew by less than 128 MB',
  async run(lab) {
    const { page } = await lab.start('--serves');
    await sendCommand(page, 'record', FILM_SECONDS);
    const before = await sendCommand<number>(page, 'memory');
    const times = await evaluateWithTimeout(
      page,
      `(async () => {
        const film = document.createElement('video');
        film.muted = true;
        film.src = diskCache.url('assets', 'film.wav');
        const heard = (event) => new Promise((done, fail) => {
          film.addEventListener(event, done, { once: true });
          film.addEventListener('error', () => fail(new Error(film.error.message)), { once: true });
        });
        document.body.append(film);
        await heard('loadedmetadata');
        const times = [];
        for (const place of ${JSON.stringify(SEEK_POSITIONS)}) {
          const began = performance.now();
          film.currentTime = place * film.duration;
          await heard('seeked');
          if (Math.abs(film.currentTime - place * film.duration) > 1) throw new Error('elsewhere');
          times.push(Math.round(performance.now() - began));
        }
        return times.join();
      })()`,
    );
    const grown = (await sendCommand<number>(page, 'memory')) - before;
    console.log(`      seeks: ${times} ms; the main process grew by ${Math.round(grown / 2 ** 20)} MB`);
    const inTime = /^[\d,]+$/.test(times) ? times.split(',').filter((ms) => Number(ms) < SEEK_MS).length : 0;
    const memory = grown < MAX_GROWTH_BYTES ? 'less than 128 MB' : `${Math.round(grown / 2 ** 20)} MB`;
    return `500 MB: ${inTime > 0 ? `${inTime} of ${SEEK_POSITIONS.length} seeks within 5 s` : times}; the main process grew by ${memory}`;
  },
};

/** A process that is killed during a write: it reports when its body is on disk and no item names it yet. */
import { Cache } from '../../main/engine/index.ts';
import { CacheStorage, createHttpCache } from '../../main/offline/index.ts';

const [how = '', directory = ''] = process.argv.slice(2);
const cache = new Cache(directory, { evictionPolicy: 'none' });
const never = new Promise<Response>(() => {});
const large = new Uint8Array(2_000_000);
const url = (name: string) => `https://a.example/${name}`;

/** Bytes without an end. */
const unending = () =>
  new ReadableStream({
    start(controller) {
      for (let part = 0; part < 10; part++) controller.enqueue(large.subarray(0, 200_000));
    },
  });

const bodies = (): number => [...cache.keys()].filter((key) => /-(body|staged)$/.test((key as string[])[0]!)).length;

if (how === 'http') {
  const fetch = async () => new Response(unending(), { headers: { 'cache-control': 'max-age=60' } });
  const { body } = await createHttpCache({ cache, fetch }).fetch(url('a'));
  const reader = body!.getReader();
  void (async () => {
    for (;;) await reader.read();
  })();
} else {
  const fetch = async (request: Request) => (request.url.endsWith('never') ? never : new Response(large));
  const shell = await new CacheStorage({ cache, fetch }).open('shell');
  await shell.put(url('before'), new Response('before'));
  if (how === 'addAll') void shell.addAll(['a', 'b', 'never'].map(url));
  else void shell.put(url('a'), new Response(unending()));
}

const wanted = { addAll: 5, put: 2, http: 1 }[how];
setInterval(() => {
  if (bodies() >= wanted!) console.log('half-way');
}, 20);

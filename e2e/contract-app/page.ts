import { describeValue, SAMPLES } from './sample-values.ts';

let lastNonce = 0;

/** What the contract test calls in a page. */
const pageApi = {
  describe: describeValue,
  SAMPLES,
  /** A command of the main process; rejects with the message of its error. */
  async ask(...command: string[]): Promise<unknown> {
    const response = await fetch('app://tiny/do', { method: 'POST', body: JSON.stringify(command) });
    const answer = await response.json();
    if (!response.ok) throw new Error(String(answer));
    return answer;
  },
  /** A port to the main process, by way of the preload. `waiting`: main does not start its end. */
  connect(waiting = false): Promise<MessagePort> {
    const nonce = `${waiting ? 'waiting' : 'nonce'} ${++lastNonce}`;
    return new Promise((resolve) => {
      window.addEventListener('message', function answered({ data, ports }) {
        if (data?.nonce !== nonce || !ports[0]) return;
        window.removeEventListener('message', answered);
        resolve(ports[0]);
      });
      window.postMessage({ wants: nonce }, '*');
    });
  },
  /** The next message of a port. */
  next: (port: MessagePort): Promise<MessageEvent> =>
    new Promise((resolve) => {
      port.onmessage = resolve;
    }),
};

declare global {
  var tiny: typeof pageApi;
}
globalThis.tiny = pageApi;

/** A utility process of the contract test. */
import { describeValue, SAMPLES } from './sample-values.ts';

const { parentPort } = process;
const reply = (text: string) => parentPort.postMessage(text);

reply(`started with ${process.argv.slice(2).join(' ')}`);

parentPort.on('message', ({ data, ports: [port] }) => {
  if (port !== undefined) {
    port.on('message', (event) => {
      if (event.ports[0]) event.ports[0].postMessage('on the port that came along');
      else port.postMessage(event.data);
    });
    port.on('close', () => reply('port closed'));
    port.start();
  }
  switch (data) {
    case 'send samples':
      for (const value of Object.values(SAMPLES)) parentPort.postMessage(value);
      break;
    case 'exit':
      process.exit(7);
      break;
    case 'throw':
      throw new Error('a failure of the child');
    default:
      reply(describeValue(data));
  }
});

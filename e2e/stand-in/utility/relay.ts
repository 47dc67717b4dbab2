import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { End, type Message } from '../main/channel.ts';
import { MessagePortMain } from '../main/message-port-main.ts';

/** A message between two threads; each port that came along is a port of the threads. */
export interface Crossing {
  readonly data: unknown;
  readonly ports: readonly MessagePort[];
}

/** A port's owner has closed it. A thread that dies doesn't say so: its ports swallow what comes, as those of a killed process may. */
const CLOSED = 'closed';

/** As it crosses; the ports of it are the other thread's from now on. */
export function crossing({ data, ports }: Message): Crossing {
  const ends = ports.flatMap((port) => port.detach() ?? []);
  return {
    data,
    ports: ends.map((end) => {
      const { port1, port2 } = new MessageChannel();
      relay(end, port1);
      return port2;
    }),
  };
}

/** As it has arrived. */
export function arrival({ data, ports }: Crossing): Message {
  return {
    data,
    ports: ports.map((port) => {
      const [near, far] = End.pair();
      relay(far, port);
      return new MessagePortMain(near);
    }),
  };
}

/** What is posted to an end goes to the other thread, and what comes from there is posted at it. */
function relay(end: End, port: MessagePort): void {
  end.read({
    message(message) {
      const crossed = crossing(message);
      port.postMessage(crossed, crossed.ports);
    },
    closed() {
      port.postMessage(CLOSED);
      port.close();
    },
  });
  port.on('message', (crossed: Crossing | typeof CLOSED) => {
    if (crossed !== CLOSED) return end.post(arrival(crossed));
    end.close();
    port.close();
  });
}

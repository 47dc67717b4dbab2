import { Worker } from 'node:worker_threads';
import type * as Electron from 'electron';
import type { Mirror } from '../mirror.ts';
import { StrictEmitter } from '../strict.ts';
import type { FromMain, UtilityData } from '../utility/parent-port.ts';
import { arrival, type Crossing, crossing } from '../utility/relay.ts';
import { clone } from './clone.ts';
import { MessagePortMain, takePorts } from './message-port-main.ts';
import { runningUtilities } from './running-utilities.ts';

interface UtilityEvents {
  spawn: [];
  message: [message: unknown];
  exit: [code: number];
  error: [type: 'FatalError', location: string, report: string];
}

/** A utility process on a thread of this one: what crosses is copied, and what fails there ends only the thread. */
export class UtilityProcess
  extends StrictEmitter<UtilityEvents>
  implements Mirror<Electron.UtilityProcess, 'postMessage' | 'kill'>
{
  readonly #thread: Worker;
  #runs = true;

  constructor(modulePath: string, args: string[], { env = process.env }: Electron.ForkOptions) {
    super(['spawn', 'message', 'exit', 'error']);
    const workerData: UtilityData = { modulePath };
    this.#thread = new Worker(new URL('../utility/thread.ts', import.meta.url), {
      workerData,
      argv: args,
      env: env as NodeJS.ProcessEnv,
      execArgv: [],
    });
    this.#thread.on('online', () => this.emit('spawn'));
    this.#thread.on('message', (crossed: Crossing) => this.emit('message', arrival(crossed).data));
    this.#thread.on('error', (error) => console.error('stand-in: uncaught in a utility process:', error));
    this.#thread.on('exit', (code) => {
      this.#runs = false;
      runningUtilities.delete(this);
      this.emit('exit', code);
    });
    runningUtilities.add(this);
  }

  /** @throws Error when it has exited: that takes the main process of Electron 44.0 down (electron 53923). */
  postMessage(message: unknown, transfer?: MessagePortMain[]): void {
    const data = clone(message);
    const crossed = crossing({ data, ports: takePorts(transfer).map((end) => new MessagePortMain(end)) });
    if (!this.#runs) throw new Error('stand-in: UtilityProcess.postMessage after its exit');
    this.#post(crossed);
  }

  kill(): boolean {
    if (this.#runs) this.#post('kill');
    return this.#runs;
  }

  #post(message: FromMain): void {
    this.#thread.postMessage(message, message === 'kill' ? [] : message.ports);
  }
}

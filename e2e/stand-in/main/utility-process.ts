import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Duplex, Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type * as Electron from 'electron';
import type { ElectronMembers } from '../type-conformance.ts';
import { GuardedEmitter } from '../unknown-member-guard.ts';
import { UtilityLink } from '../utility/utility-link.ts';
import { clone } from './clone.ts';
import { MessagePortMain, takePorts } from './message-port-main.ts';
import { runningUtilities } from './running-utilities.ts';

interface UtilityEvents {
  spawn: [];
  message: [message: unknown];
  exit: [code: number];
  error: [type: 'FatalError', location: string, report: string];
}

/** The arguments of a utility process, validated by `fork`. */
export interface UtilityOptions {
  readonly env?: NodeJS.ProcessEnv | undefined;
  readonly execArgv?: readonly string[] | undefined;
  readonly cwd?: string | undefined;
  readonly stdout?: StdioMode | undefined;
  readonly stderr?: StdioMode | undefined;
}

export type StdioMode = 'inherit' | 'ignore' | 'pipe';

const UTILITY_SCRIPT = fileURLToPath(new URL('../utility/utility-main.ts', import.meta.url));
/** TypeScript as it is; and what Electron sets for its utility processes (shell/services/node/node_service.cc). */
const NODE_FLAGS = ['--disable-warning=ExperimentalWarning', '--unhandled-rejections=warn-with-error-code'];
/** Milliseconds between SIGTERM and SIGKILL (base::EnsureProcessTerminated). */
const TERM_GRACE_MS = 2000;

/**
 * A utility process: a child process of Node. Messages and ports cross a pipe; ports to pages lead through this process.
 * A process that ends by itself closes its ports; one that was killed leaves them silent, which is the harsher of what may
 * happen in Electron.
 */
export class UtilityProcess
  extends GuardedEmitter<UtilityEvents>
  implements ElectronMembers<Electron.UtilityProcess, 'postMessage' | 'kill' | 'pid' | 'stdout' | 'stderr'>
{
  readonly #child: ChildProcess;
  readonly #link: UtilityLink;
  #state: 'starting' | 'running' | 'gone' = 'starting';
  #wasKilled = false;
  #killTimer: NodeJS.Timeout | undefined;

  constructor(modulePath: string, args: readonly string[], options: UtilityOptions = {}) {
    super(['spawn', 'message', 'exit', 'error']);
    const { env = process.env, execArgv = [], cwd, stdout = 'inherit', stderr = 'inherit' } = options;
    this.#child = spawn(process.execPath, [...NODE_FLAGS, ...execArgv, UTILITY_SCRIPT, modulePath, ...args], {
      ...{ env, stdio: ['ignore', stdout, stderr, 'pipe'], windowsHide: true },
      ...(cwd === undefined ? {} : { cwd }),
    });
    const connection = this.#child.stdio[3] as Duplex;
    this.#link = new UtilityLink(connection, 'main', ({ data }) => this.emit('message', data));
    this.#child.once('spawn', () => {
      this.#state = 'running';
      this.emit('spawn');
    });
    // What is still in the pipe was posted before the end, and is heard before it.
    const drained = new Promise<void>((resolve) => connection.once('close', resolve));
    connection.on('error', () => {}); // a process that is gone: its exit tells
    this.#child.once('exit', (code, signal) => void drained.then(() => this.#onExit(code, signal)));
    this.#child.once('error', (error) => {
      console.error(`stand-in: a utility process could not be started: ${error.message}`);
      this.#onExit(1, null);
    });
    runningUtilities.add(this);
  }

  /** Undefined before it has spawned and after its exit. */
  get pid(): number | undefined {
    return this.#state === 'running' ? this.#child.pid : undefined;
  }

  get stdout(): Readable | null {
    return this.#state === 'gone' ? null : this.#child.stdout;
  }

  get stderr(): Readable | null {
    return this.#state === 'gone' ? null : this.#child.stderr;
  }

  /** @throws Error when it has exited: that takes the main process of Electron 44.0 down (electron 53923). */
  postMessage(message: unknown, transfer?: MessagePortMain[]): void {
    const data = clone(message);
    const ports = takePorts(transfer).map((end) => new MessagePortMain(end));
    if (this.#state === 'gone') throw new Error('stand-in: UtilityProcess.postMessage after its exit');
    this.#link.post({ data, ports });
  }

  /** SIGTERM, and SIGKILL when that has not helped. False, and nothing else, before it has spawned and after its exit. */
  kill(): boolean {
    if (this.#state !== 'running') return false;
    this.#wasKilled = this.#child.kill('SIGTERM');
    this.#killTimer ??= setTimeout(() => this.#child.kill('SIGKILL'), TERM_GRACE_MS).unref();
    return this.#wasKilled;
  }

  /** `code` and `signal` are Node's; Electron reports the number of the signal, and 0 after its own `kill`. */
  #onExit(code: number | null, signal: NodeJS.Signals | null): void {
    if (this.#state === 'gone') return;
    this.#state = 'gone';
    clearTimeout(this.#killTimer);
    runningUtilities.delete(this);
    const wasAsked = this.#wasKilled && (signal === 'SIGTERM' || signal === 'SIGKILL');
    if (signal === null) this.#link.closePorts();
    this.emit('exit', signal === null ? (code ?? 0) : wasAsked ? 0 : constants.signals[signal]);
  }
}

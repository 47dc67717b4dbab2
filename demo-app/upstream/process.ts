import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** The upstream, running in a process of its own. */
export interface Upstream {
  /** Its origin, such as `http://127.0.0.1:40123`. */
  readonly url: string;
  /** Resolves when the process is gone and nothing answers at `url` any more. */
  stop(): Promise<void>;
}

export interface UpstreamOptions {
  /** 0, the default, takes any free port. */
  readonly port?: number;
  /** Milliseconds by which every answer is delayed; default 0. */
  readonly latency?: number;
}

const SERVER = fileURLToPath(new URL('./server.ts', import.meta.url));

/** Starts the upstream and waits until it listens. It ends with this process at the latest, however this process ends. */
export async function startUpstream({ port = 0, latency = 0 }: UpstreamOptions = {}): Promise<Upstream> {
  const child = spawn(process.execPath, [SERVER, '--port', String(port), '--latency', String(latency)], {
    // The IPC channel carries nothing; its end tells the child that this process is gone.
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  const ended = once(child, 'exit');
  const { stdout } = child;
  if (stdout === null) throw new Error('The upstream has no output to read its address from');
  const said = once(createInterface(stdout), 'line').then(([line]) => String(line));
  const url = await Promise.race([said, ended.then(() => undefined)]);
  if (url === undefined) throw new Error(`The upstream ended before it listened, with exit code ${child.exitCode}`);
  return {
    url,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill();
      await ended;
    },
  };
}

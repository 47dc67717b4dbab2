import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** The upstream, in a process of its own. */
export interface UpstreamProcess {
  /** Its origin, such as `http://127.0.0.1:40123`. */
  readonly url: string;
  /** From now on notes are answered with this status, without one normally. */
  refuseNotes(status?: number): void;
  /** Resolves when the process has ended and nothing answers at `url`. */
  stop(): Promise<void>;
}

export interface UpstreamOptions {
  /** 0, the default, means any free port. */
  readonly port?: number;
  /** Milliseconds by which every response is delayed; default 0. */
  readonly latencyMs?: number;
  /** Seconds for which responses are fresh; default 60. */
  readonly maxAgeSeconds?: number;
  /** The file of received notes; without one they are lost when the process ends. */
  readonly notes?: string;
}

const SERVER_SCRIPT = fileURLToPath(new URL('./server.ts', import.meta.url));

/** Starts the upstream and waits until it listens. It ends with this process at the latest, however that ends. */
export async function startUpstream(options: UpstreamOptions = {}): Promise<UpstreamProcess> {
  const { port = 0, latencyMs = 0, maxAgeSeconds = 60, notes } = options;
  const numbers = Object.entries({ port, latency: latencyMs, 'max-age': maxAgeSeconds }).flatMap(([name, n]) => [
    `--${name}`,
    String(n),
  ]);
  const child = spawn(
    process.execPath,
    [SERVER_SCRIPT, ...numbers, ...(notes === undefined ? [] : ['--notes', notes])],
    {
      // The end of the IPC channel tells the child that this process has ended.
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    },
  );
  const ended = once(child, 'exit');
  const { stdout } = child;
  if (stdout === null) throw new Error('The upstream has no output to read its address from');
  const said = once(createInterface(stdout), 'line').then(([line]) => String(line));
  const url = await Promise.race([said, ended.then(() => undefined)]);
  if (url === undefined) throw new Error(`The upstream ended before it listened, with exit code ${child.exitCode}`);
  return {
    url,
    refuseNotes: (status) => void child.send({ refuse: status }),
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill();
      await ended;
    },
  };
}

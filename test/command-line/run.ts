import { Readable, Writable } from 'node:stream';
import { runCommand } from '../../main/command-line/program.ts';

export interface Output {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  /** `stdout` as lines. */
  readonly lines: readonly string[];
}

export interface RunOptions {
  readonly input?: string | Uint8Array;
  readonly interrupt?: AbortSignal;
  readonly env?: Readonly<Record<string, string>>;
  readonly onLine?: (text: string) => void;
}

/** Runs `deskcache` with these arguments, in this process. */
export async function run(args: readonly string[], options: RunOptions = {}): Promise<Output> {
  const collect = (onText: (text: string) => void = () => {}) => {
    const chunks: Buffer[] = [];
    const stream = new Writable({
      write(chunk, _encoding, done) {
        chunks.push(Buffer.from(chunk));
        onText(String(chunk));
        done();
      },
    });
    return { stream, read: () => Buffer.concat(chunks).toString('latin1') };
  };
  const [out, err] = [collect(options.onLine), collect()];
  const exitCode = await runCommand(
    args,
    {
      stdin: Readable.from(options.input === undefined ? [] : [Buffer.from(options.input)]),
      stdout: out.stream,
      stderr: err.stream,
      env: options.env ?? {},
      interrupt: options.interrupt ?? new AbortController().signal,
    },
    '1.2.3',
  );
  const stdout = out.read();
  return {
    exitCode,
    stdout,
    stderr: Buffer.from(err.read(), 'latin1').toString(),
    lines: stdout.split('\n').slice(0, -1),
  };
}

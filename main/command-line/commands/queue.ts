import { type Command, Option } from 'commander';
import { DiskCacheError } from '../../engine/index.ts';
import { toJson } from '../../engine/internal.ts';
import { type Job, type JobState, Queue } from '../../queue/index.ts';
import type { Context, SharedOptions } from '../context.ts';
import { EXIT_CODES, Exit } from '../exit-code.ts';
import { assertStore, findDirectory } from '../stores.ts';
import { formatTable, parseCount, writeBytes, writeLine } from '../terminal.ts';

const STATES: readonly JobState[] = ['ready', 'delayed', 'held', 'running', 'dead'];

/** `queue ls`, `show`, `retry`, `rm`, `clear`, `pause`, `resume`. */
export function addQueueCommands(program: Command, context: Context): void {
  const queue = program.command('queue').description('look at a durable queue, and help its jobs');
  queue
    .command('ls <dir>')
    .description('list jobs; without --state how many there are in each state')
    .addOption(new Option('--state <state>', 'only these').choices(STATES))
    .option('--limit <n>', 'at most this many', parseCount)
    .action((dir: string, _: unknown, command: Command) => list(context, dir, command.optsWithGlobals()));
  queue
    .command('show <dir> <id>')
    .description('write everything about a job')
    .action((dir: string, id: string, _: unknown, command: Command) =>
      show(context, dir, id, command.optsWithGlobals()),
    );
  addJobCommand(queue, context, 'retry', 'let dead jobs run again', (it, id) => it.retry(id));
  addJobCommand(queue, context, 'rm', 'remove jobs, whatever their state', (it, id) => it.remove(id));
  queue
    .command('clear <dir>')
    .description('remove all jobs in a state')
    .addOption(new Option('--state <state>', 'those').choices(STATES).makeOptionMandatory())
    .action((dir: string, _: unknown, command: Command) => clear(context, dir, command.optsWithGlobals()));
  for (const verb of ['pause', 'resume'] as const)
    queue
      .command(`${verb} <dir>`)
      .description(verb === 'pause' ? 'start no more jobs, in any process' : 'start jobs again')
      .action((dir: string) => withQueue(context, dir, (it) => it[verb]()));
}

function addJobCommand(
  queue: Command,
  context: Context,
  name: string,
  description: string,
  work: (queue: Queue, id: number) => boolean,
): void {
  queue
    .command(`${name} <dir> <ids...>`)
    .description(description)
    .action(async (dir: string, ids: string[]) => {
      const missing = await withQueue(context, dir, (it) => ids.map(parseId).filter((id) => !work(it, id)));
      if (missing.length === 0) return;
      await writeBytes(
        context.terminal.stderr,
        `Nothing was done for ${missing.join(', ')}: not a job in that state\n`,
      );
      throw new Exit(EXIT_CODES.failed);
    });
}

function parseId(text: string): number {
  const id = Number(text);
  if (Number.isSafeInteger(id) && id > 0) return id;
  throw new DiskCacheError(
    'BAD_OPTION',
    `${text} is not the id of a job; deskcache queue ls <dir> --state dead lists them`,
  );
}

async function withQueue<T>(
  { terminal }: Context,
  argument: string,
  work: (queue: Queue) => T | Promise<T>,
): Promise<T> {
  const directory = findDirectory(argument, terminal.env);
  assertStore(directory);
  const queue = new Queue(directory, { workerThread: false });
  try {
    return await work(queue);
  } finally {
    queue.close();
  }
}

interface ListOptions extends SharedOptions {
  readonly state?: JobState;
  readonly limit?: number;
}

async function list(
  context: Context,
  argument: string,
  { state, limit = Number.POSITIVE_INFINITY, json }: ListOptions,
): Promise<void> {
  const { terminal } = context;
  await withQueue(context, argument, async (queue) => {
    if (state === undefined) {
      const counts = queue.counts();
      if (json) return writeLine(terminal, JSON.stringify(counts));
      const rows = Object.entries(counts).map(([name, count]) => [name, `${count}`]);
      for (const line of formatTable(['state', 'jobs'], rows)) await writeLine(terminal, line);
      return;
    }
    let left = limit;
    for (const job of queue.jobs(state)) {
      if (left-- <= 0) return;
      await writeLine(terminal, json ? JSON.stringify(toJsonJob(job)) : formatJob(job));
    }
  });
}

async function clear(
  context: Context,
  argument: string,
  { state, json }: SharedOptions & { readonly state: JobState },
): Promise<void> {
  const jobs = await withQueue(context, argument, (queue) =>
    queue.transact(() => [...queue.jobs(state)].filter(({ id }) => queue.remove(id)).length),
  );
  await writeLine(context.terminal, json ? JSON.stringify({ removed: jobs }) : `${jobs} jobs removed`);
}

/** Its own members are plain; payload, keys and progress may be anything. */
const toJsonJob = (job: Job<unknown>): object =>
  Object.fromEntries(Object.entries(job).map(([name, member]) => [name, toJson(member)]));

function formatJob({ id, attempts, enqueuedAt, dueAt, error }: Job<unknown>): string {
  const notes = [
    ...(dueAt === undefined ? [] : [`due ${new Date(dueAt).toISOString()}`]),
    ...(error === undefined ? [] : [error.replaceAll('\n', ' ')]),
  ];
  return [
    `${id}`,
    new Date(enqueuedAt).toISOString(),
    `${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}`,
    ...notes,
  ].join('  ');
}

async function show(context: Context, argument: string, id: string, { json }: SharedOptions): Promise<void> {
  const job = await withQueue(context, argument, (queue) => queue.get(parseId(id)));
  if (job === undefined) {
    await writeBytes(context.terminal.stderr, `${id} is not a job of the queue, or it is done\n`);
    throw new Exit(EXIT_CODES.failed);
  }
  if (json) return writeLine(context.terminal, JSON.stringify(toJsonJob(job)));
  for (const [name, member] of Object.entries(toJsonJob(job)))
    await writeLine(context.terminal, `${name.padEnd(11)}${JSON.stringify(member)}`);
}

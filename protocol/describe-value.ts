/** How a message names a thing: `a function`, `a Blob`, `an instance of Point`. Never throws, whatever the thing does. */
export function describeType(value: unknown): string {
  switch (typeof value) {
    case 'undefined':
      return 'undefined';
    case 'object':
      return value === null ? 'null' : describeObject(value);
    default:
      return `a ${typeof value}`;
  }
}

function describeObject(value: object): string {
  try {
    const name: unknown = value.constructor?.name;
    if (name === '') return 'an instance of a class without a name';
    const known = typeof name === 'string' ? name : Object.prototype.toString.call(value).slice(8, -1);
    if (known === 'Object') return 'an object with a prototype of its own';
    return /^[AEIO]/.test(known) ? `an ${truncate(known)}` : `a ${truncate(known)}`;
  } catch {
    return 'an object that cannot be read';
  }
}

const IDENTIFIER = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u;

const MAX_SHOWN_CHARS = 64;

/** A text for a message, which must not grow with what a caller has given. */
export const truncate = (text: string): string =>
  text.length <= MAX_SHOWN_CHARS ? text : `${text.slice(0, MAX_SHOWN_CHARS)}…`;

/** Something given for a message. Never looks into objects, and writes out no bigint: either may take very long. */
export function formatValue(value: unknown, quote = ''): string {
  if (typeof value === 'string') return quote + truncate(value) + quote;
  if (value === null || ['number', 'boolean', 'undefined'].includes(typeof value)) return String(value);
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

/** One step of a path as it stands in source code: `.name`, or `["two words"]`. */
export const formatPropertyStep = (name: string): string =>
  name.length <= MAX_SHOWN_CHARS && IDENTIFIER.test(name) ? `.${name}` : `[${JSON.stringify(truncate(name))}]`;

export const formatIndexStep = (index: number | string): string => `[${index}]`;

const MAX_PATH = 160;
const MAX_PATH_END = 72;

/**
 * Steps as one path for a message. Of a long one the first and the last steps: what stands deep inside is told by where it begins and
 * where it ends.
 */
export function joinPath(steps: readonly string[]): string {
  const path = steps.join('');
  if (path.length <= MAX_PATH) return path;
  const front = takeSteps(steps);
  const back = takeSteps(steps.toReversed()).reverse();
  return `${front.join('')}…${back.join('')}`;
}

/** As many as there is room for at one end, at least one. */
function takeSteps(steps: readonly string[]): string[] {
  const taken = steps.slice(0, 1);
  let room = MAX_PATH_END - (steps[0]?.length ?? 0);
  for (const step of steps.slice(1)) {
    room -= step.length;
    if (room < 0) break;
    taken.push(step);
  }
  return taken;
}

/** The value of a Map: `.get("name")` where its key is a text, else its place. */
export const formatEntryStep = (key: unknown, at: number): string =>
  typeof key === 'string' ? `.get(${JSON.stringify(truncate(key))})` : `.values()[${at}]`;

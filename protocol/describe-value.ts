/** Describes a value's type for a message: `a function`, `a Blob`, `an instance of Point`. Never throws, whatever the value does. */
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

/** Shortens a text for a message, whose length must not depend on the caller's input. */
export const truncate = (text: string): string =>
  text.length <= MAX_SHOWN_CHARS ? text : `${text.slice(0, MAX_SHOWN_CHARS)}…`;

/** Formats a caller's value for a message. Never visits objects or prints bigints: either may take very long. */
export function formatValue(value: unknown, quote = ''): string {
  if (typeof value === 'string') return quote + truncate(value) + quote;
  if (value === null || ['number', 'boolean', 'undefined'].includes(typeof value)) return String(value);
  if (typeof value === 'object') return isArray(value) ? 'an array' : 'an object';
  return `a ${typeof value}`;
}

/** `Array.isArray` throws for a revoked proxy. */
function isArray(value: unknown): boolean {
  try {
    return Array.isArray(value);
  } catch {
    return false;
  }
}

/** One step of a path in source notation: `.name`, or `["two words"]`. */
export const formatPropertyStep = (name: string): string =>
  name.length <= MAX_SHOWN_CHARS && IDENTIFIER.test(name) ? `.${name}` : `[${JSON.stringify(truncate(name))}]`;

export const formatIndexStep = (index: number | string): string => `[${index}]`;

const MAX_PATH_CHARS = 160;
const MAX_PATH_END_CHARS = 72;

/** Joins steps into one path for a message. A long path keeps its first and its last steps, which locate a deeply nested part. */
export function joinPath(steps: readonly string[]): string {
  const path = steps.join('');
  if (path.length <= MAX_PATH_CHARS) return path;
  const front = takeSteps(steps);
  const back = takeSteps(steps.toReversed()).reverse();
  return `${front.join('')}…${back.join('')}`;
}

/** Returns as many steps from one end as fit, at least one. */
function takeSteps(steps: readonly string[]): string[] {
  const taken = steps.slice(0, 1);
  let charsLeft = MAX_PATH_END_CHARS - (steps[0]?.length ?? 0);
  for (const step of steps.slice(1)) {
    charsLeft -= step.length;
    if (charsLeft < 0) break;
    taken.push(step);
  }
  return taken;
}

/** The step to a value of a Map: `.get("name")` if its key is a string, else its position. */
export const formatEntryStep = (key: unknown, at: number): string =>
  typeof key === 'string' ? `.get(${JSON.stringify(truncate(key))})` : `.values()[${at}]`;

/** Returns the message of anything thrown. Never throws. */
export function getErrorMessage(error: unknown): string {
  try {
    return String(error instanceof Error ? error.message : error);
  } catch {
    return 'an error that cannot be read';
  }
}

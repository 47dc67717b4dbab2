/** How a message names a thing: `a function`, `a Blob`, `an instance of Point`. Never throws, whatever the thing does. */
export function natureOf(value: unknown): string {
  switch (typeof value) {
    case 'undefined':
      return 'undefined';
    case 'object':
      return value === null ? 'null' : natureOfObject(value);
    default:
      return `a ${typeof value}`;
  }
}

function natureOfObject(value: object): string {
  try {
    const name: unknown = value.constructor?.name;
    if (name === '') return 'an instance of a class without a name';
    const known = typeof name === 'string' ? name : Object.prototype.toString.call(value).slice(8, -1);
    if (known === 'Object') return 'an object with a prototype of its own';
    return /^[AEIO]/.test(known) ? `an ${known}` : `a ${known}`;
  } catch {
    return 'an object that cannot be read';
  }
}

const IDENTIFIER = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u;

/** One step of a path as it stands in source code: `.name`, or `["two words"]`. */
export const propertyStep = (name: string): string =>
  IDENTIFIER.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`;

export const indexStep = (index: number | string): string => `[${index}]`;

/** The value of a Map: `.get("name")` where its key is a text, else its place. */
export const entryStep = (key: unknown, at: number): string =>
  typeof key === 'string' ? `.get(${JSON.stringify(key)})` : `.values()[${at}]`;

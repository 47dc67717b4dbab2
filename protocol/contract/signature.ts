/** Access levels that a grant can give, weakest first; each includes the weaker ones. */
export const ACCESS_LEVELS = ['read', 'write', 'admin'] as const;
export type Access = (typeof ACCESS_LEVELS)[number];

export const covers = (granted: Access, needed: Access): boolean =>
  ACCESS_LEVELS.indexOf(granted) >= ACCESS_LEVELS.indexOf(needed);

/**
 * The role of an argument. The page uses it to check that the argument can be sent and to turn iterables into arrays. `...value` covers all
 * remaining arguments; `tag` is a tag or a prefix of keys; `plain` is anything that can be sent.
 */
export type ArgumentRole =
  | 'key'
  | 'keys'
  | 'value'
  | 'values'
  | '...value'
  | 'entries'
  | 'queue'
  | 'range'
  | 'tag'
  | 'jobOptions'
  | 'jobs'
  | 'plain';

/** How a method is called, and the access it needs. */
export interface Signature {
  readonly access: Access | ((args: readonly unknown[]) => Access);
  readonly takes: readonly ArgumentRole[];
  /** The method can't run inside a transaction. */
  readonly alone?: true;
}

/** Returns the access that a call with these arguments needs. */
export const getRequiredAccess = ({ access }: Signature, args: readonly unknown[]): Access =>
  typeof access === 'function' ? access(args) : access;

/**
 * A signature for each method of a contract; a missing one does not compile. The signature tables are created by functions marked as pure,
 * so that a bundler drops the unused ones.
 */
export type Signatures<Contract> = { readonly [M in keyof Contract]: Signature };

export const reads = (...takes: ArgumentRole[]): Signature => ({ access: 'read', takes });
export const writes = (...takes: ArgumentRole[]): Signature => ({ access: 'write', takes });
export const administers = (...takes: ArgumentRole[]): Signature => ({ access: 'admin', takes });
export const administersAlone = (...takes: ArgumentRole[]): Signature => ({ access: 'admin', takes, alone: true });

/** What a caller must be granted, weakest first; a stronger one includes the weaker. */
export const ACCESS_LEVELS = ['read', 'write', 'admin'] as const;
export type Access = (typeof ACCESS_LEVELS)[number];

export const covers = (granted: Access, needed: Access): boolean =>
  ACCESS_LEVELS.indexOf(granted) >= ACCESS_LEVELS.indexOf(needed);

/**
 * What an argument is: by it the page looks whether the argument can be sent, and turns iterables into arrays. `...value`
 * stands for all arguments from there on; `plain` is anything that can be sent.
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

/** How a method is called and by whom. */
export interface Signature {
  readonly access: Access | ((args: readonly unknown[]) => Access);
  readonly takes: readonly ArgumentRole[];
  /** It can't be part of a transaction. */
  readonly alone?: true;
}

/** What a call with these arguments needs. */
export const getRequiredAccess = ({ access }: Signature, args: readonly unknown[]): Access =>
  typeof access === 'function' ? access(args) : access;

/**
 * A signature for each method of a contract: one that was forgotten does not compile. The contracts are made by functions marked as
 * pure, so that a bundler leaves out those that are not used.
 */
export type Signatures<Contract> = { readonly [M in keyof Contract]: Signature };

export const reads = (...takes: ArgumentRole[]): Signature => ({ access: 'read', takes });
export const writes = (...takes: ArgumentRole[]): Signature => ({ access: 'write', takes });
export const administers = (...takes: ArgumentRole[]): Signature => ({ access: 'admin', takes });
export const administersAlone = (...takes: ArgumentRole[]): Signature => ({ access: 'admin', takes, alone: true });

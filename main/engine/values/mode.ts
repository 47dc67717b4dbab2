/** How a value stands in its column or file. On disk: never renumber; append. */
export const MODE = {
  /** A string, as it is. */
  text: 0,
  /** A number, as it is. */
  number: 1,
  /** Bytes, as they are. */
  bytes: 2,
  /** JSON text. */
  json: 3,
  /** A bigint of 64 bits, in decimal digits. */
  bigint: 4,
  /** `undefined` or `NaN`, which no column holds. */
  word: 5,
  /** Structured clone, see `structured.ts`. */
  structured: 6,
  /** What a codec of the caller's own gave, a text. */
  customText: 7,
  /** What a codec of the caller's own gave, bytes. */
  customBytes: 8,
} as const;

/** Whether this version knows a mode, which is without `ZSTD`. */
export const isMode = (mode: number): boolean => (Object.values(MODE) as number[]).includes(mode);

/** Modes of values that every version and every runtime reads. */
export const PLAIN_MODES: readonly number[] = [MODE.text, MODE.number, MODE.bytes, MODE.json, MODE.bigint, MODE.word];

/** Added to the mode of what has been compressed. On disk, like the modes, which stay below it. */
export const ZSTD = 64;

/** Modes whose payload is a text: in a column TEXT, in a file and under compression its UTF-8 bytes. */
const TEXTS: ReadonlySet<number> = new Set([MODE.text, MODE.json, MODE.bigint, MODE.word, MODE.customText]);
export const isTextMode = (mode: number): boolean => TEXTS.has(mode);

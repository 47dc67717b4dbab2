/** The longest delay of a timer in Node and in browsers, in milliseconds; a longer one fires at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/** Ends with an error before it is ready. */
throw new Error('failed on purpose');

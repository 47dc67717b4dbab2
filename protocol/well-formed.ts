/** Whether every surrogate has its partner. A text without that cannot be written as UTF-8 and read back equal. */
export const isWellFormed = (text: string): boolean => (text as string & { isWellFormed(): boolean }).isWellFormed();

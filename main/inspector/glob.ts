/** The longest pattern; a comparison takes at most its length times that of the text. */
export const MAX_GLOB_LENGTH = 256;

/**
 * Returns whether a text fits a pattern in which `*` stands for any characters and `?` for one; case matters. Goes back to the last `*` only, so that no
 * pattern takes longer than O(length of text × length of pattern).
 */
export function matchesGlob(text: string, pattern: string): boolean {
  let at = 0;
  let next = 0;
  let afterStar = -1;
  let starEnd = 0;
  while (at < text.length) {
    if (pattern[next] === '*') {
      afterStar = ++next;
      starEnd = at;
    } else if (next < pattern.length && (pattern[next] === '?' || pattern[next] === text[at])) {
      next++;
      at++;
    } else if (afterStar >= 0) {
      next = afterStar;
      at = ++starEnd;
    } else return false;
  }
  while (pattern[next] === '*') next++;
  return next === pattern.length;
}

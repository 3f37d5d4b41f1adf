/**
 * What iPXE does to a line (its command splitter, the same from 2010 to today): words end at white space and nothing quotes
 * it; a word that starts with `#` ends the line; a word that is `||`, `&&` or `;` starts a second command; `${name}` is
 * replaced inside a word; a line that ends with a backslash goes on in the next.
 */
const SEPARATORS = new Set(['||', '&&', ';'])

/** Why a text cannot stand in a boot script as it is, as the end of a sentence ("has ..."); `undefined` when it can. */
export function refuseText(text: string): string | undefined {
  if (/[^\x20-\x7e]/.test(text)) return 'has a character that is not printable ASCII'
  if (text.includes('${')) return 'has ${, which iPXE would expand'
  if (text.endsWith('\\')) return 'ends with a backslash, which would join the next line'
  for (const word of text.split(' ')) {
    if (SEPARATORS.has(word)) return `has the word ${word}, which would start a second command`
    if (word.startsWith('#')) return `has the word ${word}, which would start a comment`
  }
  return undefined
}

/** Text from outside for a terminal: control characters (C0, C1, DEL) become `\xNN`, so that they cannot steer it. */
export function printable(text: string): string {
  return text.replace(
    /[\u0000-\u001f\u007f-\u009f]/g,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
}

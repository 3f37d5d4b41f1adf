/**
 * A text by which names sort as people count: `pc-2` before `pc-10`. Names that differ have texts that differ. A run of digits is preceded by how many
 * there are, without zeros in front.
 */
export function countedName(name: string): string {
  const counted = name.replace(/\d+/g, (digits) => {
    const number = digits.replace(/^0+(?=\d)/, '')
    return String.fromCharCode(0x30 + Math.min(number.length, 0x40)) + number
  })
  return `${counted}\u0000${name}`
}

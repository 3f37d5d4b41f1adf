/** The number of a group from the text of /etc/group (group(5)). */
export function groupNumber(table: string, name: string): number | undefined {
  for (const line of table.split('\n')) {
    const [found, , number] = line.split(':')
    if (found === name && number !== undefined && /^\d+$/.test(number)) return Number(number)
  }
  return undefined
}

/** The name of a group, if the text of /etc/group has one. */
export function groupName(table: string, number: number): string | undefined {
  return table
    .split('\n')
    .map((line) => line.split(':'))
    .find((fields) => fields[2] === String(number))?.[0]
}

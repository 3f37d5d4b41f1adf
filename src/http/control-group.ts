import { chmod, chown, readFile, stat } from 'node:fs/promises'
import { Refusal } from '../kit/errors.ts'
import { groupNumber } from '../kit/groups.ts'

/**
 * Lets a group of this computer pass through a directory to the socket in it, but not list it. Returned is the number of the group.
 * We must be its member, or root.
 */
export async function openForGroup(directory: string, name: string): Promise<number> {
  const group = groupNumber(await readFile('/etc/group', 'utf8'), name)
  const next = 'Make it (groupadd), or correct controlGroup.'
  if (group === undefined) throw new Refusal('not-available', `This computer has no group ${name}.`, { next })
  try {
    const { mode, uid } = await stat(directory)
    await chown(directory, uid, group)
    await chmod(directory, (mode & 0o7777) | 0o010)
  } catch (error) {
    const why = `The group ${name} cannot be given access to ${directory} (${(error as NodeJS.ErrnoException).code}).`
    throw new Refusal('not-available', why, {
      next: 'The user that the server runs as must be a member of controlGroup.',
    })
  }
  return group
}

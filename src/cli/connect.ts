import { readFileSync, statSync } from 'node:fs'
import { dirname, isAbsolute, join } from 'node:path'
import type { Target } from '../api/client/node.ts'
import { dataDirOf } from '../config/load.ts'
import { Refusal } from '../kit/errors.ts'
import { groupName } from '../kit/groups.ts'

/**
 * Where the server is. `REVEILLE_URL` (with `REVEILLE_TOKEN`) comes first, because it was said on purpose; else the control
 * socket of the server on this computer, which needs no token.
 */
export function findTarget(environment: Readonly<Record<string, string | undefined>>, cwd: string): Target {
  const { REVEILLE_URL: url, REVEILLE_TOKEN: token } = environment
  if (url) {
    if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
      throw new Refusal(
        'validation-failed',
        `REVEILLE_URL is ${JSON.stringify(url)}: it must be an address such as http://10.0.0.1:8080`,
      )
    if (!token)
      throw new Refusal('not-authenticated', `REVEILLE_URL is set, but REVEILLE_TOKEN is not.`, {
        next: 'Make a token on the server (reveille token create NAME) and set REVEILLE_TOKEN to it.',
      })
    return { url, token }
  }
  const dataDir = dataDirOf(environment, cwd)
  const socket = join(isAbsolute(dataDir) ? dataDir : join(cwd, dataDir), 'control.sock')
  const seen = look(socket)
  if (seen === 'there') return { socket }
  if (seen === 'hidden') throw notAllowed(dirname(socket))
  throw new Refusal('not-available', `No server was found: there is no control socket ${socket}.`, {
    next: 'Start one here (reveille serve), set REVEILLE_DATA_DIR to its data directory, or set REVEILLE_URL and REVEILLE_TOKEN to reach one elsewhere.',
  })
}

function look(path: string): 'there' | 'absent' | 'hidden' {
  try {
    statSync(path)
    return 'there'
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EACCES' ? 'hidden' : 'absent'
  }
}

/** The directory is of a server, and we may not pass. Where a group may, it says which. */
function notAllowed(directory: string): Refusal {
  const ways = ['as root (sudo)', ...memberOf(directory), 'with REVEILLE_URL and REVEILLE_TOKEN set']
  return new Refusal('forbidden', `This user may not use the control socket in ${directory}.`, {
    next: `Run it ${ways.slice(0, -1).join(', ')} or ${ways.at(-1)}.`,
  })
}

function memberOf(directory: string): string[] {
  try {
    const { mode, gid } = statSync(directory)
    const name = (mode & 0o010) === 0 ? undefined : groupName(readFileSync('/etc/group', 'utf8'), gid)
    return name === undefined ? [] : [`as a member of the group ${name} (usermod -aG ${name} USER, then log in again)`]
  } catch {
    return []
  }
}

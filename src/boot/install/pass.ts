import type { KeyObject } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import type { BootPass } from '../../api/contract/agent.ts'
import { cpioArchive } from '../../initramfs/cpio.ts'
import type { Clock } from '../../kit/clock.ts'
import { Refusal } from '../../kit/errors.ts'
import type { Log } from '../../kit/log.ts'
import { type Grant, openGrant } from '../capability.ts'
import type { BootHandler, BootTarget } from '../http.ts'
import { BOOT_PATHS } from '../paths.ts'
import type { InstallDesk } from './desk.ts'
import type { InstallNotes } from './notes.ts'
import { secretOf } from './proof.ts'

const [BEFORE = '', AFTER = ''] = BOOT_PATHS.agentPass('\0').split('\0')
/** The longest that one boot of the management OS may last: many disks over a slow line. */
const BOOT_MS = 7 * 24 * 3600_000

type Dependencies = Readonly<{
  desk: InstallDesk
  notes: InstallNotes
  key: KeyObject
  clock: Clock
  log: Log
}>

/** Gives the pass of a boot of the management OS to the first who shows its word, and to nobody after. Its path is never logged. */
export function servePass({ desk, notes, key, clock, log }: Dependencies): BootHandler {
  const answer = async (grant: Grant, { client, base }: BootTarget): Promise<Uint8Array | Refusal> => {
    const boot = { id: grant.once ?? '', machine: grant.machine, deployment: grant.profile }
    if (!(await desk.takeBoot({ ...boot, expiresAt: clock.now() + BOOT_MS }))) {
      const text = `the pass of a boot was asked for again by ${client}, and refused: a pass is good once`
      notes.suspicious(boot, client, 'a pass was asked for a second time', text)
      return new Refusal('forbidden', 'this pass was used before', { next: 'restart the machine' })
    }
    notes.passGiven(boot, grant.mac, client)
    return passArchive({
      boot: boot.id,
      secret: secretOf(boot.id, key),
      server: base,
      machine: desk.machine(grant.machine)?.name ?? grant.machine,
    })
  }

  return (request, response, target) => {
    const { path, client } = target
    if (!path.startsWith(BEFORE)) return false
    const word = path.endsWith(AFTER) ? path.slice(BEFORE.length, -AFTER.length) : ''
    const grant = openGrant(word, 'agent', key, clock.now())
    // Asking for the size only must not use it up.
    if (request.method !== 'GET') send(response, 405, 'Only GET is answered here.\n')
    else if (typeof grant === 'string') {
      notes.stranger(client, `it asked for a pass with a word that is ${grant}`)
      send(response, 403, `This boot is ${grant}. Restart the machine.\n`)
    } else
      answer(grant, target).then(
        (found) =>
          found instanceof Refusal
            ? send(response, 403, `${found.message}; ${found.next}.\n`)
            : send(response, 200, found),
        (error: unknown) => {
          if (error instanceof Refusal) {
            send(response, 409, `${error.message}. ${error.next ?? ''}\n`)
            return
          }
          log.error({ client, error: String(error) }, 'a pass could not be given')
          send(response, 503, 'Reveille could not decide now; its log says why. Restart the machine.\n')
        },
      )
    return true
  }
}

/** An initrd that holds nothing but `/reveille/boot.json`. */
export function passArchive(pass: BootPass): Uint8Array {
  return cpioArchive([
    { name: 'reveille', kind: 'directory', mode: 0o700 },
    { name: 'reveille/boot.json', kind: 'file', mode: 0o400, content: Buffer.from(`${JSON.stringify(pass)}\n`) },
  ])
}

function send(response: ServerResponse, status: number, body: string | Uint8Array): void {
  if (response.destroyed) return
  response.writeHead(status, {
    'content-type': typeof body === 'string' ? 'text/plain; charset=utf-8' : 'application/x-cpio',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
  })
  response.end(body)
}

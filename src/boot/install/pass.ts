import type { KeyObject } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import type { BootPass } from '../../api/contract/agent.ts'
import { cpioArchive } from '../../initramfs/cpio.ts'
import type { Clock } from '../../kit/clock.ts'
import { Refusal } from '../../kit/errors.ts'
import type { Log } from '../../kit/log.ts'
import { type Grant, openGrant } from '../capability.ts'
import type { BootHandler } from '../http.ts'
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

/** A pass, sent as it is over TFTP; the stage tells of it itself. */
export type PassFile = Readonly<{ bytes: Uint8Array; told: 'nothing' }>
/**
 * The same for GRUB, which fetches over TFTP: `undefined` for names that are not of this stage. `base` is the URL by which the machine
 * reaches us.
 */
export type FindPass = (name: string, client: string, base: string) => Promise<PassFile | undefined> | undefined

type Answer = Readonly<{ status: number; body: string | Uint8Array }>

/** Gives the pass of a boot of the management OS to the first who shows its word, and to nobody after. Its path is never logged. */
export function servePass(dependencies: Dependencies): { handler: BootHandler; find: FindPass } {
  const { desk, notes, key, clock, log } = dependencies
  const give = async (grant: Grant, client: string, base: string): Promise<Answer> => {
    const boot = { id: grant.once ?? '', machine: grant.machine, deployment: grant.profile }
    if (!(await desk.takeBoot({ ...boot, expiresAt: clock.now() + BOOT_MS }))) {
      const text = `the pass of a boot was asked for again by ${client}, and refused: a pass is good once`
      notes.suspicious(boot, client, 'a pass was asked for a second time', text)
      return { status: 403, body: 'this pass was used before; restart the machine.\n' }
    }
    notes.passGiven(boot, grant.mac, client)
    const machine = desk.machine(grant.machine)?.name ?? grant.machine
    return { status: 200, body: passArchive({ boot: boot.id, secret: secretOf(boot.id, key), server: base, machine }) }
  }

  const answer = async (path: string, client: string, base: string): Promise<Answer> => {
    const word = path.endsWith(AFTER) ? path.slice(BEFORE.length, -AFTER.length) : ''
    const grant = openGrant(word, 'agent', key, clock.now())
    if (typeof grant === 'string') {
      notes.stranger(client, `it asked for a pass with a word that is ${grant}`)
      return { status: 403, body: `This boot is ${grant}. Restart the machine.\n` }
    }
    try {
      return await give(grant, client, base)
    } catch (error) {
      if (error instanceof Refusal) return { status: 409, body: `${error.message}. ${error.next ?? ''}\n` }
      log.error({ client, error: String(error) }, 'a pass could not be given')
      return { status: 503, body: 'Reveille could not decide now; its log says why. Restart the machine.\n' }
    }
  }

  const handler: BootHandler = (request, response, { path, client, base }) => {
    if (!path.startsWith(BEFORE)) return false
    // Asking for the size only must not use it up.
    if (request.method !== 'GET') send(response, { status: 405, body: 'Only GET is answered here.\n' })
    else void answer(path, client, base).then((found) => send(response, found))
    return true
  }

  const find: FindPass = (name, client, base) => {
    const path = `/${name}`
    if (!path.startsWith(BEFORE)) return undefined
    return answer(path, client, base).then(({ status, body }) =>
      status === 200 && typeof body !== 'string' ? { bytes: body, told: 'nothing' } : undefined,
    )
  }
  return { handler, find }
}

/** An initrd that holds nothing but `/reveille/boot.json`. */
export function passArchive(pass: BootPass): Uint8Array {
  return cpioArchive([
    { name: 'reveille', kind: 'directory', mode: 0o700 },
    { name: 'reveille/boot.json', kind: 'file', mode: 0o400, content: Buffer.from(`${JSON.stringify(pass)}\n`) },
  ])
}

function send(response: ServerResponse, { status, body }: Answer): void {
  if (response.destroyed) return
  response.writeHead(status, {
    'content-type': typeof body === 'string' ? 'text/plain; charset=utf-8' : 'application/x-cpio',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
  })
  response.end(body)
}

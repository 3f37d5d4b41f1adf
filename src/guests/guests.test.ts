import { beforeEach, describe, expect, test } from 'vitest'
import { Secret } from '../kit/secret.ts'
import type { Machine } from '../machines/machine.ts'
import { aesGcmSealer } from '../secrets/drivers/aes-gcm.ts'
import type { GuestConnection, GuestOutcome, GuestTarget, SealedAccess } from './guest.ts'
import { Guests } from './guests.ts'
import { guestSealer } from './seal.ts'
import { UNIX_SET_PASSWORD } from './unix.ts'

const MACHINE = { id: 'm_1', name: 'pc-07', macs: [] } as unknown as Machine
const ACCESS = { user: 'root', port: 22, password: 'opensesame', privateKey: null, hostKey: null }
const SEEN = `SHA256:${'b'.repeat(43)}`

let rows: Map<string, SealedAccess>
let asked: { target: GuestTarget; command: string; input: string | undefined }[]
let answers: Record<string, Partial<GuestOutcome>>
let closed: number
let address: string | undefined
let guests: Guests

const open = (key = new Uint8Array(32).fill(7)) =>
  Guests.open({
    repository: {
      all: async () => [...rows.values()],
      save: async (access) => void rows.set(access.machine, access),
      remove: async (machine) => void rows.delete(machine),
    },
    sealer: guestSealer(aesGcmSealer(key, 'guest-key')),
    connector: {
      keyProblem: (key) => (key === 'bad' ? 'it is no private key' : undefined),
      async connect(target): Promise<GuestConnection> {
        return {
          hostKey: SEEN,
          async run(command, options) {
            asked.push({ target, command, input: options?.input })
            return { code: 0, lost: false, stdout: '', stderr: '', ...answers[command] }
          },
          close: () => void closed++,
        }
      },
    },
    addressOf: () => address,
    base64: (text, encoding) => Buffer.from(text, encoding).toString('base64'),
  })

beforeEach(async () => {
  rows = new Map()
  asked = []
  answers = { 'uname -s': { stdout: 'Linux\n' } }
  closed = 0
  address = '10.0.0.7'
  guests = await open()
})

describe('access', () => {
  test('is kept sealed, is not told, and opens after a restart', async () => {
    expect(await guests.setAccess(MACHINE, ACCESS, 'admin')).toEqual({ user: 'root', port: 22, hostKey: null })
    expect(JSON.stringify([...rows.values()])).not.toContain('opensesame')
    guests = await open()
    await guests.reboot(MACHINE, false)
    expect(asked[0]?.target.secret.password?.reveal()).toBe('opensesame')
    expect(guests.accessOf('m_1')).toEqual({ user: 'root', port: 22, hostKey: SEEN })
  })

  test('keeps its secret when another port is set, and takes a new one', async () => {
    await guests.setAccess(MACHINE, ACCESS, 'admin')
    await guests.setAccess(MACHINE, { ...ACCESS, port: 2222, password: null }, 'admin')
    await guests.reboot(MACHINE, false)
    expect(asked[0]?.target).toMatchObject({ port: 2222, hostKey: null })
    expect(asked[0]?.target.secret.password?.reveal()).toBe('opensesame')
    await guests.setAccess(MACHINE, { ...ACCESS, password: null, privateKey: 'KEY' }, 'admin')
    asked = []
    await guests.reboot(MACHINE, false)
    expect(asked[0]?.target.secret.password).toBeNull()
    expect(asked[0]?.target.secret.privateKey?.reveal()).toBe('KEY')
  })

  test('without any secret, with a bad key or a bad fingerprint is refused', async () => {
    await expect(guests.setAccess(MACHINE, { ...ACCESS, password: null }, 'x')).rejects.toMatchObject({
      code: 'validation-failed',
    })
    await expect(
      guests.setAccess(MACHINE, { ...ACCESS, privateKey: 'bad', hostKey: 'SHA256:x' }, 'x'),
    ).rejects.toMatchObject({ problems: [{ path: 'hostKey' }, { path: 'privateKey' }] })
    expect(rows.size).toBe(0)
  })

  test('sealed with another key, or for another machine, does not open', async () => {
    await guests.setAccess(MACHINE, ACCESS, 'admin')
    const other = await open(new Uint8Array(32).fill(8))
    await expect(other.facts(MACHINE)).rejects.toMatchObject({ code: 'corrupt' })
    rows.set('m_2', { ...rows.get('m_1')!, machine: 'm_2' })
    guests = await open()
    await expect(guests.facts({ ...MACHINE, id: 'm_2' })).rejects.toMatchObject({ code: 'corrupt' })
  })

  test('is forgotten with its machine', async () => {
    await guests.setAccess(MACHINE, ACCESS, 'admin')
    await guests.forget('m_1')
    await guests.forget('m_1')
    expect(rows.size).toBe(0)
    await expect(guests.facts(MACHINE)).rejects.toThrow('how to log in to pc-07 was never said')
  })
})

describe('operations', () => {
  beforeEach(() => guests.setAccess(MACHINE, ACCESS, 'admin'))

  test('need an address', async () => {
    address = undefined
    await expect(guests.facts(MACHINE)).rejects.toThrow('nobody knows the address of pc-07')
  })

  test('pin the host key at the first connection and close every connection', async () => {
    await guests.reboot(MACHINE, false)
    await guests.reboot(MACHINE, false)
    expect(asked.map(({ target }) => target.hostKey)).toEqual([null, null, SEEN, SEEN])
    expect(closed).toBe(2)
  })

  test('set a password on the input of a program, never on its command line', async () => {
    await guests.setPassword(MACHINE, 'alice', new Secret('s3:cret ü'))
    expect(asked.at(-1)).toMatchObject({ command: UNIX_SET_PASSWORD, input: 'alice:s3:cret ü\n' })
    expect(asked.some(({ command }) => command.includes('cret'))).toBe(false)
  })

  test('refuse a password that would be two lines, and a user that is none', async () => {
    await expect(guests.setPassword(MACHINE, 'a', new Secret('x\nroot:y'))).rejects.toMatchObject({
      code: 'validation-failed',
    })
    await expect(guests.setPassword(MACHINE, 'a:b', new Secret('x'))).rejects.toMatchObject({
      code: 'validation-failed',
    })
    expect(asked.some(({ input }) => input !== undefined)).toBe(false)
  })

  test('say what the system said when it did not do it', async () => {
    answers[UNIX_SET_PASSWORD] = { code: 1, stderr: 'sudo: a password is required\n' }
    await expect(guests.setPassword(MACHINE, 'alice', new Secret('x'))).rejects.toThrow(
      'user root may not act as root there: sudo: a password is required',
    )
  })

  test('take a lost connection for a reboot only when it was accepted', async () => {
    const command = async () => {
      await guests.reboot(MACHINE, true)
      return asked.at(-1)!.command
    }
    const reboot = await command()
    answers[reboot] = { code: null, lost: true, stdout: 'reveille-accepted\n' }
    await guests.reboot(MACHINE, true)
    answers[reboot] = { code: null, lost: true }
    await expect(guests.reboot(MACHINE, true)).rejects.toThrow('was lost before it said that it would power off')
  })

  test('speak PowerShell where there is no uname', async () => {
    answers['uname -s'] = { code: 1 }
    await guests.setPassword(MACHINE, 'dbc player', new Secret('pässword'))
    const { command, input } = asked.at(-1)!
    expect(command).toMatch(/^powershell -NoProfile -NonInteractive -EncodedCommand [A-Za-z0-9+/=]+$/)
    expect(input!.split('\r\n').map((line) => Buffer.from(line, 'base64').toString())).toEqual([
      'dbc player',
      'pässword',
      '',
    ])
    await guests.reboot(MACHINE, false)
    expect(asked.at(-1)!.command).toBe('shutdown /r /f /t 2')
  })

  test('on a volume are refused where there are none', async () => {
    await expect(guests.setPasswordOffline(MACHINE, 'alice', new Secret('x'))).rejects.toMatchObject({
      code: 'not-available',
    })
  })
})

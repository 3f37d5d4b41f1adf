import { beforeEach, describe, expect, test } from 'vitest'
import { Refusal } from '../kit/errors.ts'
import { SILENT } from '../kit/log.ts'
import type { Machine } from '../machines/machine.ts'
import type { Profile } from '../profiles/profile.ts'
import { type Deed, Desk, type DeskParts, said } from './desk.ts'
import {
  BOOT_MENU,
  BOOT_MENU_LIST,
  DEVICE_INFO,
  DEVICE_POWER,
  decodeStruct,
  encodeStruct,
  HOST_INFO,
  USER_LIST,
  USER_PASSWORD,
} from './structs.ts'

const machine = (name: string, profile: string | null) =>
  ({ id: `m_${name}`, name, profile, notes: 'by the door', macs: [] }) as unknown as Machine
const MACHINES = [machine('pc01', null), machine('pc02', 'choose')]
const PROFILES = [
  {
    name: 'choose',
    kind: 'menu',
    items: [
      { profile: 'ubuntu', password: null },
      { profile: 'rescue', password: 'x' },
    ],
  },
  { name: 'parked', kind: 'park' },
  { name: 'ubuntu', kind: 'diskless' },
  { name: 'windows', kind: 'diskless' },
] as unknown as Profile[]

let deeds: Deed[]
let done: string[]
let open: string | undefined
let state: 'on' | 'off' | 'unknown' | Refusal
let ssh: boolean
let parts: DeskParts

beforeEach(() => {
  deeds = []
  done = []
  open = undefined
  state = 'off'
  ssh = false
  parts = {
    findMachine: (host) => MACHINES.find(({ name }) => name === host),
    profiles: () => PROFILES,
    setProfile: async ({ name }, profile, by) => done.push(`${name} boots ${profile} by ${by}`),
    maintenance: { start: async (profile, { name }) => done.push(`${profile} open on ${name}`), openOn: () => open },
    power: ({ name }) =>
      name === 'pc01'
        ? {
            driver: 'test',
            state: async () => (state instanceof Refusal ? 'unknown' : state),
            async perform(action) {
              done.push(action)
              if (state instanceof Refusal) throw state
              return state
            },
          }
        : undefined,
    addressOf: ({ name }) => (name === 'pc01' ? '10.0.0.1' : undefined),
    guests: {
      accessOf: () => (ssh ? {} : undefined),
      facts: async () => ({ hostname: 'inside' }),
      userNames: async () => ['alice'],
      setPassword: async ({ name }, user, password) => void done.push(`${name} ${user} ${password.reveal()}`),
    },
    forward: async ({ type }, address) => said(0, `${type} to ${address}`),
    audit: async (deed) => void deeds.push(deed),
    log: SILENT,
  }
})

async function ask(type: number, body: Uint8Array = new Uint8Array(), host?: string) {
  return new Desk(parts).answer({ version: 0x01000001, type, body, host }, '10.9.9.9')
}
const sentence = ({ message }: { message: Uint8Array }) => Buffer.from(message).toString()
const menus = ({ message }: { message: Uint8Array }) => decodeStruct(BOOT_MENU_LIST, message).menus

describe('boot menus', () => {
  test('are the diskless profiles; of a machine with a menu its entries without a password', async () => {
    expect(menus(await ask(32))).toEqual(['ubuntu', 'windows'])
    expect(menus(await ask(32, new Uint8Array(), 'pc01'))).toEqual(['ubuntu', 'windows'])
    expect(menus(await ask(32, new Uint8Array(), 'pc02'))).toEqual(['ubuntu'])
    expect((await ask(32, new Uint8Array(), 'nobody')).code).toBe(6)
  })

  const set = (menu: string, superTube: boolean, host?: string) =>
    ask(33, encodeStruct(BOOT_MENU, { menu, superTube }), host)

  test('are set for a machine, in the audit log too', async () => {
    expect(await set('windows', false, 'pc01')).toEqual(said(0, 'success'))
    expect(done).toEqual(['pc01 boots windows by thrift'])
    expect(deeds).toMatchObject([{ address: '10.9.9.9', action: 'machine.boot', subject: 'pc01', outcome: 'ok' }])
  })

  test('that do not exist, or not for this machine, are refused', async () => {
    expect((await set('parked', false, 'pc01')).code).toBe(1101)
    expect((await set('windows', false, 'pc02')).code).toBe(1101)
    expect((await set('windows', false)).code).toBe(6)
    expect((await ask(33, Buffer.from('nonsense'), 'pc01')).code).toBe(10_003)
    expect(done).toEqual([])
  })

  test('with superTube open the master; without it an open one is not left behind', async () => {
    await set('ubuntu', true, 'pc01')
    expect(done).toEqual(['ubuntu open on pc01', 'pc01 boots ubuntu by thrift'])
    open = 'ubuntu'
    const refused = await set('ubuntu', false, 'pc01')
    expect(refused.code).toBe(3)
    expect(sentence(refused)).toContain('publish or discard that first')
    parts = { ...parts, maintenance: undefined }
    expect((await set('ubuntu', true, 'pc01')).code).toBe(3)
  })
})

describe('power', () => {
  const set = (status: number, host?: string) =>
    ask(35, encodeStruct(DEVICE_POWER, { status, mcuid: undefined, mcuname: undefined }), host)

  test('is told as that of a device', async () => {
    state = 'on'
    expect(decodeStruct(DEVICE_INFO, (await ask(34, new Uint8Array(), 'pc01')).message)).toEqual({
      mcuname: 'pc01',
      note: 'by the door',
      isonline: 1,
      power: 1,
      mcuid: 'm_pc01',
    })
    expect((await ask(34)).code).toBe(6)
    expect((await ask(34, new Uint8Array(), 'pc02')).code).toBe(2001)
    expect((await ask(34, new Uint8Array(), 'nobody')).code).toBe(2001)
  })

  test('is switched, and what was seen counts', async () => {
    expect((await set(0, 'pc01')).code).toBe(0)
    const refused = await set(1, 'pc01')
    expect([refused.code, sentence(refused)]).toEqual([1202, 'the host is still off'])
    state = new Refusal('not-available', 'the switch is gone')
    expect(sentence(await set(1, 'pc01'))).toBe('the switch is gone')
    expect(deeds.map(({ outcome }) => outcome)).toEqual(['ok', 'refused', 'refused'])
    expect((await set(2, 'pc01')).code).toBe(1201)
    expect((await set(1)).code).toBe(6)
    expect((await set(1, 'pc02')).code).toBe(2001)
  })
})

describe('messages for a running system', () => {
  const password = encodeStruct(USER_PASSWORD, { userName: 'dbc', password: 's3cret' })

  test('are forwarded to its own service', async () => {
    expect(sentence(await ask(4, new Uint8Array(), 'pc01'))).toBe('4 to 10.0.0.1')
    expect(sentence(await ask(5, password, 'pc01'))).toBe('5 to 10.0.0.1')
    expect(deeds).toMatchObject([{ action: 'guest.password', subject: 'pc01', detail: 'user dbc' }])
    expect(JSON.stringify(deeds)).not.toContain('s3cret')
    expect((await ask(4, new Uint8Array(), 'pc02')).code).toBe(6)
    expect((await ask(4)).code).toBe(6)
    expect((await ask(5, Buffer.from([1, 2]), 'pc01')).code).toBe(10_003)
  })

  test('are answered through SSH where access was set', async () => {
    ssh = true
    const info = await ask(2, new Uint8Array(), 'pc01')
    expect(decodeStruct(HOST_INFO, info.message)).toEqual({ hostName: 'inside', ipAddress: '10.0.0.1' })
    expect(decodeStruct(USER_LIST, (await ask(4, new Uint8Array(), 'pc01')).message)).toEqual({ users: ['alice'] })
    expect(await ask(5, password, 'pc01')).toEqual(said(0, 'success'))
    expect(done).toEqual(['pc01 dbc s3cret'])
    expect((await ask(3, encodeStruct(HOST_INFO, { hostName: 'x', ipAddress: 'y' }), 'pc01')).code).toBe(3)
    const gone = async (): Promise<never> => {
      throw new Refusal('not-available', 'gone')
    }
    parts = { ...parts, guests: { ...parts.guests, facts: gone, userNames: gone, setPassword: gone } }
    expect((await ask(2, new Uint8Array(), 'pc01')).code).toBe(7)
    expect((await ask(4, new Uint8Array(), 'pc01')).code).toBe(10_301)
    expect((await ask(5, password, 'pc01')).code).toBe(10_401)
  })
})

test('a message of no known type, and a fault of ours, are answered too', async () => {
  expect(await ask(99)).toEqual(said(5, 'unknown message type'))
  expect(await ask(1)).toEqual(said(0, 'pong'))
  parts = {
    ...parts,
    forward: async () => {
      throw new Error('secret detail')
    },
  }
  expect(await ask(4, new Uint8Array(), 'pc01')).toEqual(said(2, 'unknown error'))
})

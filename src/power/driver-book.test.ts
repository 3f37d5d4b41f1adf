import { expect, test } from 'vitest'
import { FAKE_SEALER, MemoryPower } from '../../test/fakes/power.ts'
import { ManualClock } from '../kit/clock.ts'
import { contextOf, DriverBook, MOST_DRIVERS, placeOf } from './driver-book.ts'
import { DriverSettings } from './settings.ts'

const IPMI = DriverSettings.parse({ kind: 'ipmi', address: '10.0.0.9', user: 'admin' })
const WOL = DriverSettings.parse({ kind: 'wol' })

async function opened(repository = new MemoryPower()) {
  const book = await DriverBook.open({ repository, sealer: FAKE_SEALER, clock: new ManualClock() })
  const put = (name: string, settings = IPMI, secrets: Record<string, string> | null = null, position?: number) =>
    book.put('m_1', name, { settings, secrets, position })
  const order = () => book.of('m_1').map(({ name, position }) => `${position} ${name}`)
  const password = (name: string) => book.secretsOf(book.get('m_1', name)!).password?.reveal()
  return { repository, book, put, order, password }
}

test('drivers keep the order they are given, also after a restart', async () => {
  const { repository, book, put, order } = await opened()
  await put('bmc')
  await put('wake', WOL)
  await put('first', WOL, null, 0)
  await put('far', WOL, null, 15)
  expect(order()).toEqual(['0 first', '1 bmc', '2 wake', '3 far'])
  await put('far', WOL, null, 1)
  expect(order()).toEqual(['0 first', '1 far', '2 bmc', '3 wake'])
  await put('far', { ...WOL, port: 7 } as DriverSettings)
  expect(order(), 'its place stays').toEqual(['0 first', '1 far', '2 bmc', '3 wake'])
  expect(await book.remove('m_1', 'first')).toBe(true)
  expect(await book.remove('m_1', 'first')).toBe(false)
  const again = await opened(repository)
  expect(again.book.of('m_1').map(({ name }) => name)).toEqual(['far', 'bmc', 'wake'])
})

test('secrets are kept sealed, and stay while the driver is reached in the same place as the same user', async () => {
  const { repository, book, put, password } = await opened()
  await put('bmc', IPMI, { password: 'hunter2', kg: 'key' })
  expect(JSON.stringify([...repository.rows.values()])).not.toContain('hunter2')
  expect(book.get('m_1', 'bmc')).toMatchObject({ secretNames: ['kg', 'password'] })
  await put('bmc', { ...IPMI, cipherSuite: '17' } as DriverSettings)
  expect(password('bmc')).toBe('hunter2')
  await put('bmc', IPMI, { password: 'new' })
  expect(book.get('m_1', 'bmc')).toMatchObject({ secretNames: ['password'] })
  expect(password('bmc')).toBe('new')
  await put('bmc', IPMI, {})
  expect(book.get('m_1', 'bmc')).toMatchObject({ secretNames: [], sealed: null })
})

test.each([
  ['address', { address: '10.0.0.10' }],
  ['port', { port: 6230 }],
  ['user', { user: 'other' }],
])('another %s drops the secrets that are not given again', async (_, change) => {
  const { book, put, password } = await opened()
  await put('bmc', IPMI, { password: 'hunter2' })
  await put('bmc', { ...IPMI, ...change } as DriverSettings)
  expect(book.get('m_1', 'bmc')).toMatchObject({ secretNames: [], sealed: null })
  await put('bmc', IPMI, { password: 'again' })
  await put('bmc', { ...IPMI, ...change } as DriverSettings, { password: 'given' })
  expect(password('bmc')).toBe('given')
})

test.each([
  ['redfish', { kind: 'redfish', url: 'https://a.example', user: 'u' }, { url: 'https://b.example' }],
  ['http', { kind: 'http', url: 'https://a.example', user: 'u' }, { url: 'https://a.example:8443' }],
  ['ssh', { kind: 'ssh', address: '10.0.0.1' }, { address: null }],
  ['snmp', { kind: 'snmp', address: '10.0.0.1', model: 'apc', outlet: 1 }, { user: 'x' }],
])('the same of %s', async (_, settings, change) => {
  const { book } = await opened()
  const before = DriverSettings.parse(settings)
  const after = DriverSettings.parse({ ...settings, ...change })
  const secret = { ipmi: '', redfish: 'password', http: 'token', ssh: 'password', snmp: 'community' }[
    before.kind as 'ssh'
  ]
  await book.put('m_1', 'it', { settings: before, secrets: { [secret]: 'hunter2' } })
  await book.put('m_1', 'it', { settings: after, secrets: null })
  expect(book.get('m_1', 'it')).toMatchObject({ secretNames: [], sealed: null })
})

const KEY = `SHA256:${'a'.repeat(43)}`
const OTHER_KEY = `SHA256:${'b'.repeat(43)}`

test.each([
  ['redfish', { kind: 'redfish', url: 'https://a.example' }, 'password', { fingerprint: KEY }],
  ['http', { kind: 'http', url: 'https://a.example', fingerprint: KEY }, 'token', { fingerprint: OTHER_KEY }],
  ['http', { kind: 'http', url: 'https://a.example', fingerprint: KEY }, 'token', { fingerprint: null }],
  ['ssh', { kind: 'ssh', hostKey: KEY }, 'password', { hostKey: OTHER_KEY }],
] as const)(
  '%s: whoever says that another one is trusted must know what it is told',
  async (_, first, secret, change) => {
    const { book } = await opened()
    await book.put('m_1', 'it', { settings: DriverSettings.parse(first), secrets: { [secret]: 'hunter2' } })
    const after = { settings: DriverSettings.parse({ ...first, ...change }), secrets: null }
    expect(book.secretsFor('m_1', 'it', after)).toEqual({})
    await book.put('m_1', 'it', after)
    expect(book.get('m_1', 'it')).toMatchObject({ secretNames: [], sealed: null, settings: change })
  },
)

test('a private key, which is never sent, stays with another host key', async () => {
  const { book } = await opened()
  const settings = DriverSettings.parse({ kind: 'ssh', hostKey: KEY })
  await book.put('m_1', 'os', { settings, secrets: { privateKey: 'k' } })
  await book.put('m_1', 'os', { settings: { ...settings, hostKey: OTHER_KEY } as DriverSettings, secrets: null })
  expect(book.get('m_1', 'os')).toMatchObject({ secretNames: ['privateKey'], settings: { hostKey: OTHER_KEY } })
  expect(book.secretsOf(book.get('m_1', 'os')!).privateKey?.reveal()).toBe('k')
})

test('a host key that was learnt stays when the driver is put again without one, and makes it no other', async () => {
  const { book, put } = await opened()
  const settings = DriverSettings.parse({ kind: 'ssh', address: '10.0.0.1' })
  await put('os', settings, { password: 'x' })
  await book.pin('m_1', 'os', KEY)
  expect(book.differs('m_1', 'os', { settings, secrets: null })).toBe(false)
  expect(book.differs('m_1', 'os', { settings, secrets: { password: 'x' } })).toBe(false)
  await put('os', { ...settings, system: 'windows' } as DriverSettings)
  expect(book.get('m_1', 'os')).toMatchObject({
    settings: { hostKey: KEY, system: 'windows' },
    secretNames: ['password'],
  })
  await put('os', { ...settings, address: '10.0.0.2' } as DriverSettings)
  expect(book.get('m_1', 'os'), 'of another place it is not').toMatchObject({
    settings: { hostKey: null },
    secretNames: [],
  })
})

test('a row whose address was changed behind our back gives no secret away', async () => {
  const { repository, put } = await opened()
  await put('bmc', IPMI, { password: 'hunter2' })
  const [row] = repository.rows.values()
  await repository.save([{ ...row!, settings: { ...row!.settings, address: '203.0.113.1' } as DriverSettings }])
  const { book } = await opened(repository)
  expect(() => book.secretsOf(book.get('m_1', 'bmc')!)).toThrow('another context')
})

test('nor does one whose certificate or host key was changed there', async () => {
  for (const [first, change] of [
    [{ kind: 'redfish', url: 'https://a.example', fingerprint: KEY }, { fingerprint: OTHER_KEY }],
    [{ kind: 'redfish', url: 'https://a.example', fingerprint: KEY }, { fingerprint: null }],
    [{ kind: 'ssh', address: '10.0.0.1', hostKey: KEY }, { hostKey: OTHER_KEY }],
  ] as const) {
    const { repository, put } = await opened()
    await put('it', DriverSettings.parse(first), { password: 'hunter2' })
    const [row] = repository.rows.values()
    await repository.save([{ ...row!, settings: DriverSettings.parse({ ...first, ...change }) }])
    const { book } = await opened(repository)
    expect(() => book.secretsOf(book.get('m_1', 'it')!)).toThrow('another context')
  }
})

test('secrets that were bound to a place alone are bound to what is trusted there when they are read first', async () => {
  const { repository, put } = await opened()
  const settings = DriverSettings.parse({ kind: 'redfish', url: 'https://a.example', user: 'u', fingerprint: KEY })
  await put('it', settings, { password: 'hunter2' })
  const [row] = repository.rows.values()
  const text = JSON.stringify({ password: 'hunter2' })
  await repository.save([{ ...row!, sealed: FAKE_SEALER.seal(placeOf('m_1', 'it', settings), text) }])
  const again = await opened(repository)
  expect(again.password('it')).toBe('hunter2')
  const [kept] = repository.rows.values()
  expect(FAKE_SEALER.open(contextOf('m_1', 'it', settings), kept!.sealed!)).toBe(text)
  const lost = { ...kept!, sealed: FAKE_SEALER.seal('something else', text) }
  await repository.save([lost])
  expect((await opened(repository)).book.get('m_1', 'it'), 'what cannot be opened stays as it is').toEqual(lost)
})

test('secrets that a kind does not have, and too many drivers, are refused', async () => {
  const { put, order } = await opened()
  await expect(put('wake', WOL, { password: 'x' })).rejects.toMatchObject({
    code: 'validation-failed',
    problems: [{ path: 'secrets.password' }],
  })
  for (let i = 0; i < MOST_DRIVERS; i++) await put(`d${i}`, WOL)
  await expect(put('one-more', WOL)).rejects.toMatchObject({ code: 'too-large' })
  await put('d3', WOL)
  expect(order()).toHaveLength(MOST_DRIVERS)
})

test('the first host key that is seen counts from then on', async () => {
  const { book, put, password } = await opened()
  await put('ssh', DriverSettings.parse({ kind: 'ssh' }), { password: 'x' })
  const key = `SHA256:${'a'.repeat(43)}`
  await book.pin('m_1', 'ssh', key)
  await book.pin('m_1', 'ssh', `SHA256:${'b'.repeat(43)}`)
  await book.pin('m_1', 'gone', key)
  expect(book.get('m_1', 'ssh')).toMatchObject({ settings: { hostKey: key }, secretNames: ['password'] })
  expect(password('ssh')).toBe('x')
})

test('nothing is seen that could not be written', async () => {
  const { repository, put, order } = await opened()
  await put('bmc')
  repository.save = async () => {
    throw new Error('disk full')
  }
  await expect(put('wake', WOL)).rejects.toThrow('disk full')
  expect(order()).toEqual(['0 bmc'])
})

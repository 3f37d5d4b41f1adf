import { describe, expect, test } from 'vitest'
import { bmcUser, FakeBmc } from '../../../test/fakes/bmc.ts'
import { IpmiWorld } from '../../../test/fakes/ipmi-world.ts'
import { hex } from '../../kit/bytes.ts'
import { RMCP_STATUS } from '../../protocols/ipmi/status.ts'
import { HALF_OPEN_MS, IDLE_MS, MOST_HALF_OPEN, MOST_HALF_OPEN_OF_ADDRESS, MOST_SESSIONS_OF_BMC } from './limits.ts'

const texts = (world: IpmiWorld) => world.fakes[0]!.log.map((event) => event.text)

describe.each([17, 3] as const)('suite %d', (suite) => {
  test('the right name and password make a session, which begins as user', async () => {
    const world = new IpmiWorld()
    const client = world.client({ suite })
    expect(await client.login()).toBe(true)
    expect(client.proven).toBe(true)
    // FreeIPMI refuses to go on when the level in the answer to Open Session is 0.
    expect(client.openPrivilege).toBe(4)
    expect([...world.server.table.all()]).toMatchObject([{ suite, privilege: 2, maximumPrivilege: 4, handle: 1 }])
    expect(texts(world)).toEqual([`admin logged in from 192.0.2.1 by IPMI as administrator (cipher suite ${suite})`])
  })

  test.each([
    ['a wrong password', { password: 'wrong' }],
    ['a name that nobody has', { user: 'nobody' }],
    ['no name', { user: '', password: '' }],
    ['a switched off account', { user: 'off', password: 'secret' }],
    ['an account without a password', { user: 'bare' }],
    ['an account whose password IPMI cannot have', { user: 'odd', password: '' }],
  ])('%s is refused at the very end, and looks like all the others', async (_name, options) => {
    const users = [
      bmcUser(1, ''),
      bmcUser(2, 'admin'),
      bmcUser(3, 'off', 'administrator', false),
      bmcUser(4, 'bare'),
      bmcUser(5, 'odd'),
    ]
    const fake = new FakeBmc({ users })
    fake.passwords.set('off', 'secret').set('', '').set('odd', '\u4e2d')
    const world = new IpmiWorld({ fakes: [fake] })
    const client = world.client({ suite, ...options })
    expect([await client.open(), await client.introduce(), await client.prove()]).toEqual([true, true, false])
    expect(client.rakpStatus).toBe(RMCP_STATUS.invalidCheckValue)
    expect(client.rakp2!.length).toBe(8 + 16 + 16 + (suite === 17 ? 32 : 20))
    expect(hex(client.exchange!.guid)).toBe(fake.bmc.guid)
    expect(world.server.table.counts).toMatchObject({ sessions: 0, halfOpen: 0 })
    expect(texts(world)).toHaveLength(1)
    expect(texts(world)[0]).toMatch(/^a login as .* from 192.0.2.1 by IPMI failed: /)
  })
})

test('a suite that is not offered is refused at once: none, unencrypted ones, 3 where it is switched off', async () => {
  const world = new IpmiWorld({ suite3: false })
  const statuses = []
  for (const [authentication, integrity, confidentiality] of [
    [0, 0, 0],
    [1, 0, 0],
    [1, 1, 0],
    [2, 2, 1],
    [1, 1, 1],
  ] as const) {
    const client = world.client()
    client.wire.send(client.openRequest(1, { authentication, integrity, confidentiality }))
    statuses.push((await client.payload(0x11))![1])
  }
  expect(statuses).toEqual([0x04, 0x05, 0x10, 0x04, 0x11])
  expect(world.server.table.counts.halfOpen).toBe(0)
})

describe('privilege levels', () => {
  test('an account gives what it may when it is found by its name alone', async () => {
    const world = new IpmiWorld()
    await world.loggedIn({ user: 'oper', password: 'operator-secret', role: 4 })
    await world.loggedIn({ user: 'user', password: 'user-secret', role: 0 })
    await world.loggedIn({ role: 3 })
    expect([...world.server.table.all()].map((session) => session.maximumPrivilege)).toEqual([3, 2, 3])
  })

  test('found by name and level it must have the level, which is told only to who knows the password', async () => {
    const world = new IpmiWorld()
    const wanting = { user: 'oper', role: 4, nameOnly: false }
    const right = world.client({ ...wanting, password: 'operator-secret' })
    expect([await right.login(), right.rakpStatus]).toEqual([false, RMCP_STATUS.unauthorizedRole])
    const wrong = world.client({ ...wanting, password: 'wrong' })
    expect([await wrong.login(), wrong.rakpStatus]).toEqual([false, RMCP_STATUS.invalidCheckValue])
    await world.loggedIn({ ...wanting, role: 3, password: 'operator-secret' })
  })

  test('OEM and what does not exist is refused', async () => {
    const world = new IpmiWorld()
    const client = world.client({ role: 5 })
    expect([await client.login(), client.rakpStatus]).toEqual([false, RMCP_STATUS.invalidRole])
    const other = world.client({ privilege: 5 })
    expect([await other.login(), other.openStatus]).toEqual([false, RMCP_STATUS.invalidRole])
  })
})

describe('messages that come again', () => {
  test('Open Session, RAKP 1 and RAKP 3 are answered as before, and begin nothing new', async () => {
    const world = new IpmiWorld()
    const client = world.client()
    const sent: Uint8Array[] = []
    const twice = { ...client.wire, send: (packet: Uint8Array) => void sent.push(packet) }
    const wire = client.wire as { send: (packet: Uint8Array) => void }
    const real = client.wire.send
    wire.send = (packet) => {
      twice.send(packet)
      real(packet)
    }
    expect(await client.login()).toBe(true)
    expect(world.server.table.counts).toMatchObject({ sessions: 1, halfOpen: 0 })
    real(sent[2]!)
    const again = await client.payload(0x15)
    expect(again?.[1]).toBe(0)
    expect(world.server.table.counts).toMatchObject({ sessions: 1, halfOpen: 0 })
    const other = world.client()
    const first = other.openRequest()
    other.wire.send(first)
    const one = await other.payload(0x11)
    other.wire.send(first)
    expect(await other.payload(0x11)).toEqual(one)
    expect(world.server.table.counts.halfOpen).toBe(1)
  })

  test('a client that begins anew with the same numbers, as ipmitool does when RAKP 2 was lost, gets in, and is not blamed', async () => {
    const world = new IpmiWorld()
    const client = world.client()
    await client.open()
    await client.introduce()
    const first = client.managedId
    expect(await client.login()).toBe(true)
    expect(client.managedId).not.toBe(first)
    world.advance(HALF_OPEN_MS)
    expect(texts(world)).toHaveLength(1)
  })

  test('an Open Session that was held up on its way does not end the login that it began', async () => {
    const world = new IpmiWorld()
    const client = world.client()
    await client.open()
    await client.introduce()
    client.wire.send(client.openRequest())
    expect(await client.prove()).toBe(true)
  })

  test('a client that begins anew because RAKP 4 was lost leaves no session behind, but none that was used ends so', async () => {
    const world = new IpmiWorld()
    const client = world.client()
    for (let i = 0; i < 20; i++) expect(await client.login()).toBe(true)
    expect([...world.server.table.all()].map((session) => session.id)).toEqual([client.managedId])
    expect((await client.command(6, 0x3d, [0]))?.completionCode).toBe(0)
    const used = client.managedId
    expect(await client.login()).toBe(true)
    await world.loggedIn()
    expect([...world.server.table.all()].map((session) => session.id).slice(0, 2)).toEqual([used, client.managedId])
    expect(world.server.table.counts.sessions).toBe(3)
  })

  test('RAKP 3 that comes once more, late, is answered as before and leaves its session as it is', async () => {
    const world = new IpmiWorld()
    const client = world.client()
    const sent: Uint8Array[] = []
    const wire = client.wire as { send: (packet: Uint8Array) => void }
    const real = client.wire.send
    wire.send = (packet) => {
      sent.push(packet)
      real(packet)
    }
    expect(await client.login()).toBe(true)
    expect((await client.command(6, 0x3b, [4]))?.completionCode).toBe(0)
    real(sent[2]!)
    real(sent[2]!)
    const answers = [await client.payload(0x15), await client.payload(0x15)]
    expect(answers[0]).toEqual(answers[1])
    expect((await client.command(6, 0x3d, [0]))?.completionCode).toBe(0)
    expect([...world.server.table.all()]).toMatchObject([{ id: client.managedId, privilege: 4 }])
  })

  test('RAKP 1 with other content is not answered: the proof is given once for a login', async () => {
    const world = new IpmiWorld()
    const client = world.client()
    await client.open()
    expect(await client.introduce()).toBe(true)
    expect(await client.introduce()).toBe(false)
  })

  test('a message for a login that nobody began, or that came by another door, is not answered', async () => {
    const world = new IpmiWorld({ fakes: [new FakeBmc(), new FakeBmc({ machine: 'machine-2' })] })
    const client = world.client()
    client.managedId = 12345
    expect(await client.introduce()).toBe(false)
    await client.open()
    const elsewhere = world.client({ endpoint: world.endpoints[1]! })
    elsewhere.managedId = client.managedId
    expect(await elsewhere.introduce()).toBe(false)
  })
})

describe('limits', () => {
  test('a login that is not finished is forgotten, and counts once the proof was had', async () => {
    const world = new IpmiWorld()
    const asked = world.client()
    await asked.open()
    const proven = world.client()
    await proven.open()
    await proven.introduce()
    world.advance(HALF_OPEN_MS)
    expect(world.server.table.counts).toEqual({ sessions: 0, halfOpen: 0, addresses: 0 })
    expect(texts(world)).toEqual([
      'a login as admin from 192.0.2.1 by IPMI failed: its client left when it had the proof that the BMC knows the password',
    ])
    expect(await proven.prove()).toBe(false)
  })

  test('passwords cannot be tried without end: after some the address waits, others do not', async () => {
    const world = new IpmiWorld()
    for (let i = 0; i < 10; i++) await world.client({ password: `guess ${i}` }).login()
    const eleventh = world.client()
    expect([await eleventh.login(), eleventh.openStatus]).toEqual([false, RMCP_STATUS.noResources])
    await world.loggedIn({ address: '192.0.2.2' })
    world.advance(6000)
    await world.loggedIn()
  })

  test('a clock that is set back locks nobody out, and keeps no session longer', async () => {
    const world = new IpmiWorld()
    for (let i = 0; i < 10; i++) await world.client({ password: `guess ${i}` }).login()
    await world.loggedIn({ address: '192.0.2.2' })
    world.clock.advance(-3_600_000)
    world.server.sweep()
    world.advance(6000)
    await world.loggedIn()
    world.advance(IDLE_MS + 1000)
    world.server.sweep()
    expect(world.server.table.counts).toMatchObject({ sessions: 0, halfOpen: 0 })
  })

  test('logins that were begun side by side are no more guesses than others', async () => {
    const world = new IpmiWorld()
    const clients = Array.from({ length: 40 }, (_, i) => world.client({ password: `guess ${i}` }))
    for (const client of clients) expect([await client.open(), await client.introduce()]).toEqual([true, true])
    for (const client of clients) await client.prove()
    const statuses = clients.map((client) => client.rakpStatus)
    expect(statuses.filter((status) => status === RMCP_STATUS.invalidCheckValue)).toHaveLength(10)
    expect(statuses.filter((status) => status === RMCP_STATUS.noResources)).toHaveLength(30)
    expect(world.server.table.counts).toMatchObject({ sessions: 0, halfOpen: 0 })
  })

  test('one address has a limited number of logins under way; the oldest of all gives way in the end', async () => {
    const world = new IpmiWorld()
    const open = (address: string) => {
      const client = world.client({ address })
      client.wire.send(client.openRequest())
      return client
    }
    for (let i = 0; i < MOST_HALF_OPEN_OF_ADDRESS; i++) open('192.0.2.1')
    const last = world.client()
    expect([await last.open(), last.openStatus]).toEqual([false, RMCP_STATUS.noResources])
    for (let i = 0; i < MOST_HALF_OPEN; i++) open(`10.0.${i >> 8}.${i & 255}`)
    expect(world.server.table.counts).toEqual({ sessions: 0, halfOpen: MOST_HALF_OPEN, addresses: MOST_HALF_OPEN })
    await world.loggedIn()
  })

  test('sessions are limited in all, of one BMC, and of one address on it; a closed one makes room', async () => {
    const world = new IpmiWorld({ sessions: 40 })
    for (let i = 0; i < 16; i++) await world.loggedIn({ address: '192.0.2.1' })
    const seventeenth = world.client({ address: '192.0.2.1' })
    expect([await seventeenth.login(), seventeenth.openStatus]).toEqual([false, RMCP_STATUS.noResources])
    for (let i = 16; i < MOST_SESSIONS_OF_BMC; i++) await world.loggedIn({ address: `192.0.2.${i}` })
    const thirtyThird = world.client({ address: '198.51.100.1' })
    expect([await thirtyThird.login(), thirtyThird.openStatus]).toEqual([false, RMCP_STATUS.noResources])
    world.server.end([...world.server.table.all()][3]!)
    await world.loggedIn({ address: '198.51.100.1' })
    const few = new IpmiWorld({ sessions: 1 })
    await few.loggedIn()
    expect(await few.client({ address: '192.0.2.9' }).login()).toBe(false)
  })

  test('a silent session ends after 60 s, a busy one does not', async () => {
    const world = new IpmiWorld()
    await world.loggedIn()
    const busy = await world.loggedIn()
    world.advance(IDLE_MS - 1)
    expect((await busy.command(6, 0x3d, [0]))?.completionCode).toBe(0)
    world.advance(1)
    expect([...world.server.table.all()].map((session) => session.consoleId)).toEqual([busy.consoleId])
  })
})

describe('the shared endpoint', () => {
  const fakes = () => [
    new FakeBmc({ users: [bmcUser(2, 'alice'), bmcUser(3, 'admin')] }),
    new FakeBmc({ machine: 'machine-2', guid: 'ff112233445566778899aabbccddeeff', cipherSuites: [17] }),
  ]
  const world = () => {
    const made = new IpmiWorld({ fakes: fakes() })
    made.fakes[0]!.passwords.set('alice', 'secret')
    return made
  }

  test('picks the BMC by the user name, or by NAME@MACHINE', async () => {
    const made = world()
    const endpoint = made.shared
    await made.loggedIn({ endpoint, user: 'alice' })
    const client = await made.loggedIn({ endpoint, user: 'admin@machine-2' })
    expect(hex(client.exchange!.guid)).toBe('ff112233445566778899aabbccddeeff')
    expect([...made.server.table.all()].map((session) => session.bmc.machine)).toEqual(['machine-1', 'machine-2'])
  })

  test('leads on who is not found there like everybody else, with a GUID that stays the same', async () => {
    const made = world()
    const endpoint = made.shared
    const guids = []
    for (const user of ['admin', 'admin', 'bob', 'admin@nowhere']) {
      const client = made.client({ endpoint, user })
      expect(await client.login()).toBe(false)
      expect(client.rakpStatus).toBe(RMCP_STATUS.invalidCheckValue)
      guids.push(hex(client.exchange!.guid))
    }
    expect(guids[0]).toBe(guids[1])
    expect(new Set(guids).size).toBe(3)
  })

  test('does not let anybody in with a suite that the BMC does not offer', async () => {
    const made = world()
    expect(await made.client({ endpoint: made.shared, user: 'admin@machine-2', suite: 3 }).login()).toBe(false)
    expect(made.fakes[1]!.log.map((event) => event.text)).toEqual([
      'a login as admin@machine-2 from 192.0.2.1 by IPMI failed: its cipher suite is not offered here',
    ])
  })
})

test('an account that changes while somebody logs in with it does not let him in', async () => {
  const world = new IpmiWorld()
  const client = world.client()
  await client.open()
  await client.introduce()
  const fake = world.fakes[0]!
  fake.bmc = { ...fake.bmc, users: fake.bmc.users.map((user) => ({ ...user, sealed: 'another' })) }
  expect([await client.prove(), client.rakpStatus]).toEqual([false, RMCP_STATUS.invalidCheckValue])
})

test('a login is written to the log once an hour for the same account and address', async () => {
  const world = new IpmiWorld()
  for (let i = 0; i < 3; i++) {
    await world.loggedIn()
    for (const session of world.server.table.all()) world.server.end(session)
  }
  expect(texts(world)).toHaveLength(1)
  world.advance(3_600_000)
  await world.loggedIn()
  expect(texts(world)).toHaveLength(2)
})

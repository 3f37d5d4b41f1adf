import { randomInt } from 'node:crypto'
import { expect, test } from 'vitest'
import { serveGateway } from '../../src/gateway/ipmi/serve.ts'
import { SILENT } from '../../src/kit/log.ts'
import { PAYLOAD } from '../../src/protocols/ipmi/packet.ts'
import { IPMI_CRYPTOGRAPHY } from '../../src/sockets/ipmi-cryptography.ts'
import { FakeBmc, FakeDirectory } from '../fakes/bmc.ts'
import { seededRandom } from '../fakes/bmc-wire.ts'
import { IpmiBed, type Ran } from './ipmi-bed.ts'
import { LossyPath, type Passed } from './lossy-path.ts'

const LOSS = 0.15
const LOGINS = process.env.REVEILLE_SOAK ? 200 : 60
const AT_ONCE = 60
/** How often ipmitool logs in, and how often it sends a command, before it gives up. */
const TRIES = 4

/** So many BMCs of one gateway. The bed runs programs. */
async function many(count: number) {
  const bmcs = Array.from({ length: count }, (_, index) => new FakeBmc({ machine: `machine-${index}` }))
  const gateway = serveGateway({
    directory: new FakeDirectory(bmcs),
    gateway: { host: '127.0.0.1', clients: [], cipherSuite3: true, sessions: 1000 },
    cryptography: IPMI_CRYPTOGRAPHY,
    clock: { now: () => Date.now() },
    log: SILENT,
  })
  await gateway.sync()
  const bed = await IpmiBed.start()
  const stop = async () => {
    await gateway.stop()
    await bed.stop()
  }
  return { bed, gateway, portOf: (index: number) => gateway.portOf(`machine-${index}`)!, stop }
}

async function inParallel<T>(count: number, work: (index: number) => Promise<T>): Promise<T[]> {
  const done: T[] = []
  let next = 0
  const worker = async () => {
    while (next < count) {
      const index = next++
      done[index] = await work(index)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  return done
}

/** The logins that a client began: what passed from each of its Open Session Requests on, and what came before the first. */
function loginsOf(passed: readonly Passed[]): { before: Passed[]; logins: Passed[][] } {
  const parts: Passed[][] = [[]]
  for (const one of passed)
    if (one.fromClient && one.type === PAYLOAD.openSessionRequest) parts.push([one])
    else parts.at(-1)!.push(one)
  return { before: parts[0]!, logins: parts.slice(1) }
}

const count = (passed: readonly Passed[], which: Partial<Passed>): number =>
  passed.filter((one) => Object.entries(which).every(([key, value]) => one[key as keyof Passed] === value)).length

/** Why ipmitool had to fail: every one of its tries lost a packet. `undefined`: it did not have to. */
function excuseOf(passed: readonly Passed[]): string | undefined {
  const { before, logins } = loginsOf(passed)
  if (logins.length === 0)
    return count(before, { lost: true }) >= TRIES ? 'its first question was lost each time' : undefined
  const isIn = (one: Passed) => one.type === PAYLOAD.ipmi && one.sessionId !== 0
  if (passed.some((one) => isIn(one) && one.fromClient))
    return passed.filter((one) => isIn(one) && one.lost).length >= TRIES ? 'a command was lost each time' : undefined
  const login = logins.map((part) => part.filter((one) => one.type >= PAYLOAD.openSessionRequest))
  return logins.length === TRIES && login.every((part) => part.some((one) => one.lost))
    ? 'each of its four logins lost a packet'
    : undefined
}

/**
 * ipmitool 1.8.19 sends no message of a login twice: when one is lost it begins its login anew, four times in all, and then goes on as if
 * it were logged in, without a session. That no server can mend; what it needs from a server is an answer to every message that arrives.
 */
test(`${LOGINS} logins of ipmitool over a path that loses 15 % each way fail only when all its tries lost a packet`, async () => {
  const seed = randomInt(2 ** 31)
  console.log(`seed ${seed}`)
  // One BMC for each: a session whose end was lost stays for a minute, and one address may have 16 of a BMC.
  const { bed, portOf, stop } = await many(LOGINS)
  try {
    const ended = await inParallel(LOGINS, async (index) => {
      const random = seededRandom(seed + index)
      const path = await LossyPath.open(portOf(index), () => random() < LOSS)
      // Patient enough for a busy computer.
      const login = ['-I', 'lanplus', '-C', '17', '-H', '127.0.0.1', '-U', 'admin', '-P', 'secret', '-N', '2']
      const ran = await bed.run('ipmitool', [...login, '-p', String(path.port), 'raw', '6', '1'])
      path.close()
      return { ran, passed: path.passed }
    })
    const reasons: Record<string, number> = {}
    for (const { ran, passed } of ended) {
      const reached = passed.filter((one) => one.fromClient && !one.lost && one.sessionId === 0)
      const answers = passed.filter((one) => !one.fromClient && (one.type === -1 || one.type > PAYLOAD.ipmi))
      const outside = count(passed, { fromClient: false, type: PAYLOAD.ipmi, sessionId: 0 })
      expect(answers.length + outside).toBe(reached.length)
      const tell = `${ran.err}\n${passed.map((one) => JSON.stringify(one)).join('\n')}`
      if (ran.code !== 0) expect(excuseOf(passed), tell).toBeDefined()
      expect(ran.err).not.toContain('Insufficient privilege')
      const reason = ran.code === 0 ? `login ${loginsOf(passed).logins.length} succeeded` : excuseOf(passed)!
      reasons[reason] = (reasons[reason] ?? 0) + 1
    }
    console.log(reasons)
    // Four tries of three questions, each with an answer: 85 of 100 get through.
    expect(
      count(
        ended.flatMap(({ passed }) => passed),
        { lost: true },
      ),
    ).toBeGreaterThan(LOGINS / 2)
    expect(ended.filter(({ ran }) => ran.code === 0).length).toBeGreaterThan(LOGINS * 0.6)
  } finally {
    await stop()
  }
})

test('64 ipmitool at once, three times, all log in to one gateway', async () => {
  const { bed, gateway, portOf, stop } = await many(64)
  try {
    for (let round = 0; round < 3; round++) {
      const login = (index: number): Promise<Ran> => {
        const args = [
          '-I',
          'lanplus',
          '-H',
          '127.0.0.1',
          '-p',
          String(portOf(index)),
          '-U',
          'admin',
          '-P',
          'secret',
          '-N',
          '2',
        ]
        return bed.run('ipmitool', [...args, 'power', 'status'])
      }
      const ended = await Promise.all(Array.from({ length: 64 }, (_, index) => login(index)))
      expect(ended.filter(({ code }) => code !== 0)).toEqual([])
      expect(gateway.sessions()).toHaveLength(0)
    }
  } finally {
    await stop()
  }
})

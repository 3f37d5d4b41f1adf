import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Refusal } from '../../src/kit/errors.ts'
import { IpmiBed } from './ipmi-bed.ts'

let bed: IpmiBed

beforeEach(async () => {
  bed = await IpmiBed.start()
})
afterEach(() => bed.stop())

const performed = (): string[] => bed.bmc.calls.filter((call) => call.startsWith('perform'))

test('a slow back end switches once, however often a client asks again', async () => {
  bed.bmc.delay = () => pause(5_000)
  // It waits 1 s and a little longer each time, and asks again four times.
  const ran = await bed.run('ipmitool', [...bed.ipmitoolArgs({ suite: 17 }), '-N', '1', 'chassis', 'power', 'cycle'])
  expect(performed()).toEqual(['perform cycle by admin'])
  expect(ran).toMatchObject({ code: 0, out: 'Chassis Power Control: Cycle\n' })
})

test('a slow command holds nobody else up', async () => {
  bed.bmc.delay = () => pause(5_000)
  const slow = bed.ipmitool(17, 'chassis', 'power', 'cycle')
  await expect.poll(performed).toHaveLength(1)
  expect(await bed.ipmitool(3, 'mc', 'info')).toMatchObject({ code: 0 })
  expect(await bed.freeipmi(17, 'bmc-device', '--get-self-test-results')).toMatchObject({ code: 0 })
  expect(bed.bmc.power).toBe('on')
  await slow
})

test('a back end that fails is told as a reason, never as a state', async () => {
  for (const [code, said] of [
    ['not-available', 'Destination unavailable'],
    ['wrong-state', 'Command not supported in present state'],
    ['not-found', 'Invalid command'],
  ] as const) {
    bed.bmc.failure = new Refusal(code, 'no')
    expect((await bed.ipmitool(17, 'chassis', 'power', 'on')).err).toContain(said)
    expect((await bed.ipmitool(17, 'chassis', 'power', 'status')).out).not.toContain('Chassis Power is')
    expect((await bed.ipmitool(17, 'chassis', 'bootdev', 'pxe')).err).toContain(said)
  }
  bed.bmc.failure = new Error('a fault of ours')
  const ran = await bed.ipmitool(17, 'chassis', 'power', 'on')
  expect(ran.err).toContain('Unspecified error')
  expect(ran.err).not.toContain('a fault of ours')
})

test('many clients of one address read sensors, the log and the inventory at once', async () => {
  for (let i = 0; i < 20; i++) await bed.bmc.record({ kind: 'power', severity: 'ok', text: 'power on by admin' })
  const clients = await Promise.all(
    ([3, 17] as const).flatMap((suite) => [
      bed.ipmitool(suite, 'sdr', 'elist'),
      bed.ipmitool(suite, 'sensor', 'list'),
      bed.ipmitool(suite, 'sel', 'elist'),
      bed.ipmitool(suite, 'fru', 'print'),
      bed.freeipmi(suite, 'ipmi-sel', '--ignore-sdr-cache'),
    ]),
  )
  for (const ran of clients) expect(ran.code).toBe(0)
  const [first, second] = [clients.slice(0, 5), clients.slice(5)].map((half) => half.map(({ out }) => out))
  expect(first![0]).toBe(second![0])
  expect(first![1]).toBe(second![1])
  expect(first![3]).toBe(second![3])
  expect(first![0]!.match(/\|/g)!.length).toBe(12 * 4)
  for (const log of [first![2], second![2]]) expect(log!.match(/Initiated by power up/g)).toHaveLength(20)
})

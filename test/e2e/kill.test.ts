import { afterAll, beforeAll, expect, test } from 'vitest'
import { ARRIVAL, Bed } from './bed/bed.ts'
import { dhcpOptions, look } from './bed/gate.ts'
import type { Vm } from './bed/vm.ts'

/** The server loses power between stages; the machine must not notice more than a pause. */
let bed: Bed
beforeAll(async () => {
  bed = await Bed.make()
  await bed.serve({
    dhcp: { mode: 'server', interfaces: ['br0'] },
    networks: [{ name: 'wire', subnet: '10.77.0.0/24', interface: 'br0' }],
  })
})
afterAll(() => bed?.remove())

/** Names the question that a frame begins a stage with. */
function question(frame: Buffer): string | undefined {
  const seen = look(frame)
  if (!seen) return undefined
  const options = dhcpOptions(frame)
  if (options) {
    const type = options.get(53)
    // RFC 2132 §9.6: 3 is DHCPREQUEST.
    return type && frame[type.start + 2] === 3 ? 'request' : undefined
  }
  if (seen.udp) return seen.port === 69 ? 'program' : undefined
  const [, path] = /^GET (\S+)/.exec(seen.payload.subarray(0, 200).toString('latin1')) ?? []
  if (path === undefined) return undefined
  const [, name] = /^\/boot\/(start|script|blob\/\w{64}\/\w+|mark)/.exec(path) ?? []
  return name?.replace(/^blob\/\w{64}\//, '')
}

/**
 * Boots a machine and kills the server with `kill -9` before it hears each of the questions for the first time; while it is away
 * the machine's frames go nowhere. Returns where it was killed.
 */
async function bootUnderFire(vm: Vm, questions: readonly string[]): Promise<string[]> {
  const killed: string[] = []
  let away: Promise<void> | undefined
  await bed.onBehindGate(vm, (frame) => {
    if (away) return undefined
    const asked = question(frame)
    if (asked === undefined || !questions.includes(asked) || killed.includes(asked)) return frame
    killed.push(asked)
    away = bed.server
      .kill()
      .then(() => bed.server.start())
      .finally(() => {
        away = undefined
      })
    return undefined
  })
  await vm.shows(ARRIVAL, 180_000)
  await away
  await vm.off()
  return killed
}

test('a BIOS machine arrives though the server is killed between each two stages', async () => {
  const vm = await bed.known({ name: 'bios' })
  const questions = ['request', 'start', 'script', 'vmlinuz', 'initrd', 'mark']
  expect(await bootUnderFire(vm, questions)).toEqual(questions)
})

test('a UEFI machine arrives though the server is killed between each two stages', async () => {
  const vm = await bed.known({ name: 'uefi', firmware: 'uefi', rom: 'pxe' })
  const questions = ['request', 'program', 'start', 'script', 'vmlinuz', 'initrd', 'mark']
  expect(await bootUnderFire(vm, questions)).toEqual(questions)
})

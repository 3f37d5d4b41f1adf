import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { decodeMagicPacket } from '../../src/protocols/wol/magic-packet.ts'
import type { WakeInput } from './wake-host.ts'

/** What leaves this computer to wake a machine, seen by tcpdump at the far end of two cables, in network namespaces of its own. */
const prefix = `rv-wol-${process.pid}`
const SERVER = `${prefix}-s`
const FAR = [`${prefix}-a`, `${prefix}-b`] as const
const MAC = '52:54:00:12:34:56'
const children: ChildProcess[] = []

const ip = (...args: string[]) => execFileSync('ip', args, { stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' })

beforeAll(() => {
  for (const name of [SERVER, ...FAR]) ip('netns', 'add', name)
  for (const [i, far] of FAR.entries()) {
    ip('link', 'add', `net${i}`, 'netns', SERVER, 'type', 'veth', 'peer', 'name', 'card', 'netns', far)
    ip('-n', SERVER, 'addr', 'add', `10.9.${i}.1/24`, 'brd', '+', 'dev', `net${i}`)
    ip('-n', far, 'addr', 'add', `10.9.${i}.2/24`, 'dev', 'card')
    ip('-n', SERVER, 'link', 'set', `net${i}`, 'up')
    ip('-n', far, 'link', 'set', 'card', 'up')
  }
})
afterAll(() => {
  for (const child of children) child.kill('SIGKILL')
  for (const name of [SERVER, ...FAR]) ip('netns', 'del', name)
})

type Seen = Readonly<{ to: string; ethernet: string; mac: string; secureOn: string }>

/** Listens at the far end of one cable for so many packets. */
async function listen(far: string, count: number): Promise<Readonly<{ heard: Promise<Seen[]> }>> {
  const filter = ['udp', 'and', 'greater', '130']
  const args = ['netns', 'exec', far, 'tcpdump', '-l', '-n', '-e', '-x', '-i', 'card', '-c', String(count), ...filter]
  const child = spawn('ip', args, { stdio: ['ignore', 'pipe', 'pipe'] })
  children.push(child)
  let out = ''
  child.stdout.on('data', (text) => {
    out += text
  })
  let said = ''
  await new Promise<void>((resolve, reject) => {
    child.stderr.on('data', (text) => {
      said += text
      if (said.includes('listening on')) resolve()
    })
    child.once('exit', () => reject(new Error(said)))
  })
  return { heard: once(child, 'close').then(() => out.split(/\n(?=\d\d:\d\d:)/).map(packet)) }
}

function packet(text: string): Seen {
  const [, ethernet = '', to = ''] = /> ([0-9a-f:]{17}),.*> (\d+\.\d+\.\d+\.\d+\.\d+): UDP/.exec(text) ?? []
  const bytes = [...text.matchAll(/^\t0x[0-9a-f]+: {2}(.*)$/gm)].map((line) => line[1]!.replaceAll(' ', '')).join('')
  // IPv4 and UDP headers are 28 bytes.
  const { mac, secureOn } = decodeMagicPacket(Buffer.from(bytes, 'hex').subarray(28))
  return { to, ethernet, mac, secureOn: Buffer.from(secureOn ?? []).toString('hex') }
}

function wake(input: WakeInput): string {
  const args = ['netns', 'exec', SERVER, process.execPath, 'test/interop/wake-host.ts', JSON.stringify(input)]
  return execFileSync('ip', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
}

describe('waking a machine', () => {
  test('is heard three times on every network, and where the machine was last', async () => {
    const first = await listen(FAR[0], 6)
    const second = await listen(FAR[1], 3)
    expect(wake({ macs: [MAC], address: '10.9.0.2' })).toMatch(/^wakes 52:54:00:12:34:56 by packets to 10\.9\.0\.255/)
    const broadcast = { to: '10.9.0.255.9', ethernet: 'ff:ff:ff:ff:ff:ff', mac: MAC, secureOn: '' }
    const heard = await first.heard
    expect(heard.filter(({ to }) => to === '10.9.0.255.9')).toEqual([broadcast, broadcast, broadcast])
    expect(heard.filter(({ to }) => to === '10.9.0.2.9').map(({ mac }) => mac)).toEqual([MAC, MAC, MAC])
    expect(new Set((await second.heard).map(({ to }) => to))).toEqual(new Set(['10.9.1.255.9']))
  })

  test('goes to the address and port that are set, with the password, to every card of the machine', async () => {
    const { heard } = await listen(FAR[1], 6)
    const macs = [MAC, '52:54:00:65:43:21']
    const settings = { broadcast: '10.9.1.255', port: 40_009 }
    wake({ macs, address: null, secureOn: '0a:0b:0c:0d:0e:ff', settings })
    const seen = await heard
    expect(new Set(seen.map(({ to }) => to))).toEqual(new Set(['10.9.1.255.40009']))
    expect(new Set(seen.map(({ secureOn }) => secureOn))).toEqual(new Set(['0a0b0c0d0eff']))
    expect([...new Set(seen.map(({ mac }) => mac))].sort()).toEqual(macs)
  })

  test('from a computer that has no network is refused', () => {
    for (const i of FAR.keys()) ip('-n', SERVER, 'link', 'set', `net${i}`, 'down')
    expect(wake({ macs: [MAC], address: null })).toMatch(/no network interface of this server is up/)
    expect(wake({ macs: [MAC], address: '10.9.0.2' })).toMatch(
      /no wake-up packet could be sent to 10\.9\.0\.2: ENETUNREACH/,
    )
    expect(wake({ macs: [], address: '10.9.0.2' })).toMatch(/no address of a network card is known/)
    for (const i of FAR.keys()) ip('-n', SERVER, 'link', 'set', `net${i}`, 'up')
  })
})

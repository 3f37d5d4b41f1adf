import { type ChildProcess, spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { SILENT } from '../../src/kit/log.ts'
import { Secret } from '../../src/kit/secret.ts'
import type { ConsoleLine, PowerDriver } from '../../src/power/driver.ts'
import { ipmiDrivers } from '../../src/power/drivers/ipmi/driver.ts'
import { IpmiSettings } from '../../src/power/settings.ts'
import { IPMI_CRYPTOGRAPHY } from '../../src/sockets/ipmi-cryptography.ts'
import { freeUdpPort } from '../e2e/bed/free-port.ts'

/** Our client against the BMCs of others: pyghmi's fakebmc, and ipmi_sim of OpenIPMI. Both know cipher suite 3 only. */
const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

function start(command: string, args: readonly string[], cwd?: string): ChildProcess {
  const child = spawn(command, args, { cwd, stdio: 'ignore' })
  const ended = once(child, 'exit')
  ends.push(async () => {
    child.kill('SIGKILL')
    await ended
  })
  return child
}

function driver(port: number, user: string, password: string, more: Record<string, string> = {}): PowerDriver {
  const drivers = ipmiDrivers({ cryptography: IPMI_CRYPTOGRAPHY, log: SILENT })
  ends.push(() => drivers.close())
  const settings = IpmiSettings.parse({ kind: 'ipmi', address: '127.0.0.1', port, user, ...more })
  return drivers.factory(
    settings,
    { password: new Secret(password) },
    { id: 'm', name: 'm', macs: [], address: () => null },
  )
}

/** Get Channel Authentication Capabilities, outside a session: every BMC answers it. */
const ASKED = Buffer.from('0600ff0700000000000000000009' + '2018c88100388e04b5', 'hex')

/** Waits for it to answer. */
async function answering(port: number): Promise<void> {
  const socket = createSocket('udp4')
  let heard = false
  socket.on('message', () => {
    heard = true
  })
  // Until it listens, the port refuses.
  socket.on('error', () => {})
  for (let tries = 0; !heard; tries++) {
    if (tries > 600) throw new Error(`nothing answers on port ${port}`)
    socket.send(ASKED, port, '127.0.0.1')
    await sleep(100)
  }
  socket.close()
}

const failureOf = (work: Promise<unknown>): Promise<Error | undefined> =>
  work.then(
    () => undefined,
    (error: Error) => error,
  )

async function echoed(line: ConsoleLine, text: string): Promise<string> {
  let received = ''
  line.listen(
    (bytes) => {
      received += Buffer.from(bytes).toString('latin1')
    },
    () => {},
  )
  // Again each second: fakebmc acknowledges, and forgets, what comes before it has stored the console that it just opened.
  for (let i = 0; i < 1000 && !received.includes(text.trim()); i++) {
    if (i % 100 === 0) line.write(Buffer.from(text))
    await sleep(10)
  }
  return received
}

describe("pyghmi's fakebmc", () => {
  async function fakebmc(): Promise<number> {
    const port = await freeUdpPort()
    start('/usr/bin/python3', ['test/interop/fakebmc.py', String(port)])
    await answering(port)
    return port
  }

  it('is read, switched and told what to boot', async () => {
    const bmc = driver(await fakebmc(), 'admin', 'password')
    expect(await bmc.probe()).toMatch('cipher suite 3, the machine is off')
    await bmc.perform('on')
    expect(await bmc.state?.()).toBe('on')
    await bmc.setBootOrder?.({ device: 'pxe', persistent: false, efi: false })
    expect(await bmc.bootOrder?.()).toMatchObject({ device: 'pxe' })
    await bmc.perform('off')
    expect(await bmc.state?.()).toBe('off')
    // It knows no power cycle, and says so; nor has it a log.
    expect((await failureOf(bmc.perform('cycle')))?.message).toMatch('completion code CCh')
    expect((await failureOf(bmc.events!()))?.message).toMatch('does not know this command')
    expect(await bmc.sensors!()).toEqual([])
  })

  it('carries a serial line', async () => {
    const bmc = driver(await fakebmc(), 'admin', 'password')
    const closed = await failureOf(bmc.openConsole!())
    expect(closed?.message).toMatch('does not open its serial line')
    await bmc.perform('on')
    const line = await bmc.openConsole!()
    expect(await echoed(line, 'a line that is longer than one packet of this BMC would be\r\n')).toMatch('would be')
    line.close()
  })

  it('refuses a wrong password and a suite that it does not know', async () => {
    const port = await fakebmc()
    expect((await failureOf(driver(port, 'admin', 'wrong').state!()))?.message).toMatch(
      'password of the account "admin"',
    )
    expect(await failureOf(driver(port, 'admin', 'password', { cipherSuite: '17' }).state!())).toMatchObject({
      message: `The BMC at 127.0.0.1:${port} answers with other algorithms than those it was asked for.`,
    })
  })
})

describe('ipmi_sim of OpenIPMI', () => {
  async function simulator(): Promise<number> {
    const directory = mkdtempSync(join(tmpdir(), 'reveille-ipmi-sim-'))
    ends.push(() => rmSync(directory, { recursive: true, force: true }))
    const echo = createServer((socket) => socket.on('error', () => {}).pipe(socket))
    echo.listen(0, '127.0.0.1')
    await once(echo, 'listening')
    ends.push(() => echo.close())
    const port = await freeUdpPort()
    const script = join(directory, 'chassis')
    writeFileSync(script, CHASSIS)
    chmodSync(script, 0o755)
    mkdirSync(join(directory, 'state'))
    writeFileSync(
      join(directory, 'lan.conf'),
      `name "reveille"
set_working_mc 0x20
  startlan 1
    addr 127.0.0.1 ${port}
    priv_limit admin
    allowed_auths_admin none md2 md5 straight
    guid a123456789abcdefa123456789abcdef
  endlan
  sol "tcp:127.0.0.1:${(echo.address() as AddressInfo).port}" 115200
  chassis_control "${script}"
  user 2 true "ADMIN" "secret" admin 10 none md2 md5 straight
  user 3 true "oper" "secret3" operator 10 none md2 md5 straight
`,
    )
    writeFileSync(
      join(directory, 'lab.emu'),
      `mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02
sel_enable 0x20 1000 0x0a
sel_add 0x20 0x02 0 0 0 0 0x20 0 0x04 0x01 0x30 0x01 0x59 0x5a 0x55
sel_add 0x20 0x02 0 0 0 0 0x20 0 0x04 0x0c 0x31 0x6f 0xa1 0x00 0x01
sensor_add 0x20 0 0x30 0x01 0x01
sensor_set_value 0x20 0 0x30 0x2f 0
sensor_set_event_support 0x20 0 0x30 enable scanning per-state 000000000000000 000000000000000 000000000000000 000000000000000
main_sdr_add 0x20 ${TEMPERATURE}
mc_enable 0x20
`,
    )
    start('ipmi_sim', ['-n', '-c', 'lan.conf', '-f', 'lab.emu', '-s', 'state'], directory)
    await answering(port)
    return port
  }

  it('is read and switched; its log and its sensors are read', async () => {
    const bmc = driver(await simulator(), 'ADMIN', 'secret')
    expect(await bmc.probe()).toMatch('IPMI 2.0, maker 4753, firmware 9.08, cipher suite 3')
    await bmc.perform('on')
    expect(await bmc.state?.()).toBe('on')
    await bmc.perform('cycle')
    await bmc.perform('off')
    expect(await bmc.state?.()).toBe('off')
    await bmc.identify?.(5)
    expect((await bmc.events!()).map(({ sensor, text, severity }) => [sensor, text, severity])).toEqual([
      ['Temperature 48', 'Above its upper critical threshold', 'critical'],
      ['Memory 49', 'Uncorrectable memory error', 'critical'],
    ])
    expect(await bmc.sensors!()).toMatchObject([
      { name: 'CPU', kind: 'temperature', unit: '°C', value: 47, highCritical: 95 },
    ])
    // With its records read, the log calls the sensor by its name.
    expect((await bmc.events!())[0]!.sensor).toBe('CPU')
    await bmc.clearEvents?.()
    expect(await bmc.events!()).toEqual([])
  })

  it('is told what to boot, but never says that the order holds', async () => {
    const bmc = driver(await simulator(), 'ADMIN', 'secret')
    await bmc.setBootOrder?.({ device: 'pxe', persistent: false, efi: false })
    const kept = await bmc.raw!({ netFn: 0, lun: 0, command: 9, data: Uint8Array.of(5, 0, 0) })
    // PXE without the valid bit: ipmitool calls it invalid as well.
    expect([...kept.data]).toEqual([1, 5, 0, 4, 0, 0, 0])
    expect(await bmc.bootOrder?.()).toBeNull()
  })

  it('carries a serial line, which the next client takes over', async () => {
    const bmc = driver(await simulator(), 'ADMIN', 'secret')
    const first = await bmc.openConsole!()
    expect(await echoed(first, 'from the first client\r\n')).toMatch('from the first client')
    const second = await bmc.openConsole!()
    expect(await echoed(second, 'from the second client\r\n')).toMatch('from the second client')
    second.close()
    first.close()
  })

  it('tells a wrong password from an unknown name', async () => {
    const port = await simulator()
    expect((await failureOf(driver(port, 'ADMIN', 'wrong').state!()))?.message).toMatch(
      'password of the account "ADMIN"',
    )
    expect((await failureOf(driver(port, 'nobody', 'secret').state!()))?.message).toMatch('has no account "nobody"')
    expect(await driver(port, 'oper', 'secret3', { privilege: 'operator' }).state!()).toBe('off')
  })
})

/** Keeps what it is told in a file. */
const CHASSIS = `#!/bin/sh
state=$(dirname "$0")/chassis-state
verb=$2
[ "$verb" = get ] || [ "$verb" = set ] || verb=$1
shift; [ "$1" = "$verb" ] && shift
case $verb in
get) for name in "$@"; do
  value=$(sed -n "s/^$name=//p" "$state" 2>/dev/null | tail -1)
  [ -n "$value" ] || { [ "$name" = boot ] && value=none || value=0; }
  echo "$name:$value"
done ;;
set) while [ $# -gt 1 ]; do echo "$1=$2" >> "$state"; shift 2; done ;;
esac
`

/** A full sensor record: sensor 30h, temperature, thresholds 85 and 95, named CPU. */
const TEMPERATURE = [
  [0x01, 0x00, 0x51, 0x01, 46, 0x20, 0x00, 0x30, 0x03, 0x01, 0x7f, 0x68, 0x01, 0x01],
  [0x00, 0x00, 0x00, 0x30, 0x18, 0x18, 0x00, 0x01, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00],
  [0x00, 0x00, 0x00, 0x00, 0xff, 0x00, 0x00, 95, 85, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00],
  [0xc3, 0x43, 0x50, 0x55],
]
  .flat()
  .map((byte) => `0x${byte.toString(16)}`)
  .join(' ')

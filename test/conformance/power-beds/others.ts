import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { ManualClock } from '../../../src/kit/clock.ts'
import { Refusal } from '../../../src/kit/errors.ts'
import { parseSubnet } from '../../../src/kit/ip.ts'
import { agentFactory } from '../../../src/power/drivers/agent/agent.ts'
import { labFactory } from '../../../src/power/drivers/lab.ts'
import { manualFactory } from '../../../src/power/drivers/manual/manual.ts'
import { wakeOnLanFactory } from '../../../src/power/drivers/wol/wake-on-lan.ts'
import { ManualRequests } from '../../../src/power/manual-requests.ts'
import { DriverSettings } from '../../../src/power/settings.ts'
import { decodeMagicPacket } from '../../../src/protocols/wol/magic-packet.ts'
import type { PowerBed } from '../power-driver-suite.ts'
import { Computer, MACHINE, secretsOf } from './computer.ts'

export function labBed(): PowerBed {
  const computer = new Computer()
  let order: 'network' | 'disk' = 'disk'
  const whileOn = (deed: () => void) => async () => {
    if (!computer.on) throw new Refusal('wrong-state', 'lab machine alpha is off', { next: 'switch it on first' })
    deed()
  }
  const factory = labFactory({
    nameOf: (mac) => (mac === MACHINE.macs[0] ? 'alpha' : undefined),
    powerState: async () => (computer.on ? 'on' : 'off'),
    switchOn: async () => computer.start(),
    switchOff: async () => computer.stop(),
    reset: whileOn(() => computer.resets++),
    pressPowerButton: whileOn(() => computer.softs++),
    interrupt: whileOn(() => computer.interrupts++),
    bootOrder: () => order,
    setBootOrder: async (_, wanted) => {
      order = wanted
    },
    firmware: () => 'uefi',
    console: () => {
      let listener: (bytes: Uint8Array) => void = () => undefined
      return {
        follow: (heard) => {
          listener = heard
          heard(new TextEncoder().encode('login: '))
          return () => undefined
        },
        type: (bytes) => listener(bytes),
      }
    },
  })
  const settings = DriverSettings.parse({ kind: 'lab' })
  return {
    driver: () => factory(settings, {}, MACHINE),
    capabilities: ['state', 'on', 'off', 'cycle', 'reset', 'soft', 'diag', 'boot-device', 'fru', 'console'],
    deeds: () => computer.deeds(),
    set: (on) => computer.set(on),
    refusedWhileOff: ['reset', 'soft', 'diag'],
    unreachable: () => factory(settings, {}, { ...MACHINE, macs: ['52:54:00:00:00:99'] }),
    echoes: true,
    boot: { can: 'pxe', cannot: 'usb', seen: () => (order === 'network' ? 'pxe' : 'disk') },
    close: () => undefined,
  }
}

/** The person does at once what is asked. */
export function manualBed(): PowerBed {
  const computer = new Computer()
  const does = {
    on: () => computer.start(),
    off: () => computer.stop(),
    cycle: () => computer.starts++,
    reset: () => computer.resets++,
    soft: () => computer.softs++,
    diag: () => computer.interrupts++,
  }
  let attends = true
  const told = () => (computer.on ? 'on' : 'off')
  const requests: ManualRequests = new ManualRequests({
    clock: new ManualClock(),
    patienceMs: 50,
    changed: () => {
      const [request] = requests.pending()
      if (!request || !attends) return
      queueMicrotask(() => {
        does[request.action]()
        requests.answer(request.id, told())
      })
    },
  })
  const factory = manualFactory(requests)
  const make = () => factory(DriverSettings.parse({ kind: 'manual' }), {}, MACHINE)
  return {
    driver: make,
    capabilities: ['state', 'on', 'off', 'cycle', 'reset', 'soft', 'diag'],
    deeds: () => computer.deeds(),
    set: (on) => {
      attends = true
      computer.set(on)
      requests.tell(MACHINE.id, told())
    },
    close: () => requests.withdraw(),
  }
}

/** A network card that listens on the loopback. */
export async function wakeBed(): Promise<PowerBed> {
  const computer = new Computer()
  const card = createSocket('udp4')
  card.bind(0, '127.0.0.1')
  await once(card, 'listening')
  card.on('message', (bytes) => {
    const { mac, secureOn } = decodeMagicPacket(bytes)
    if (mac === MACHINE.macs[0] && Buffer.from(secureOn ?? []).toString('hex') === '010203040506') computer.start()
  })
  const subnet = parseSubnet('127.0.0.1/8')!
  const factory = wakeOnLanFactory({ interfaces: () => [{ name: 'lo', attachments: [{ subnet }] }] })
  const settings = DriverSettings.parse({ kind: 'wol', broadcast: '127.0.0.1', port: card.address().port })
  return {
    driver: () => factory(settings, secretsOf({ secureOn: '01:02:03:04:05:06' }), MACHINE),
    capabilities: ['on'],
    deeds: () => computer.deeds(),
    set: (on) => computer.set(on),
    secrets: ['01:02:03:04:05:06', '010203040506'],
    close: () => void card.close(),
  }
}

/** A management OS whose shell does what is typed. */
export function agentBed(): PowerBed {
  const computer = new Computer()
  const listeners = new Set<(bytes: Uint8Array) => void>()
  const print = (text: string) => {
    for (const listener of [...listeners]) listener(new TextEncoder().encode(text))
  }
  const shell = (line: string) => {
    print(`${line}\n`)
    const order = /(poweroff|reboot) -f\) & echo reveille-\$\(\(40 \+ 2\)\)/.exec(line)?.[1]
    if (!order) return
    print('reveille-42\n')
    setTimeout(() => {
      if (order === 'poweroff') computer.softs++
      else computer.starts++
    }, 10)
  }
  const factory = agentFactory({
    runs: (machine) => machine === MACHINE.id && computer.on,
    busy: () => undefined,
    inventory: () => ({ smbios: { manufacturer: 'ACME', product: 'Roadrunner', serial: '7', board: null } }),
    console: () => ({
      follow: (listener) => {
        listeners.add(listener)
        return () => void listeners.delete(listener)
      },
      type: (bytes) => shell(new TextDecoder().decode(bytes).replace(/\r$/, '')),
    }),
  })
  const settings = DriverSettings.parse({ kind: 'agent' })
  return {
    driver: () => factory(settings, {}, MACHINE),
    capabilities: ['state', 'cycle', 'soft', 'fru', 'console'],
    deeds: () => computer.deeds(),
    set: (on) => computer.set(on),
    whileOff: 'unknown',
    echoes: true,
    close: () => undefined,
  }
}

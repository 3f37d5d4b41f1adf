import type { BootDevice } from '../power/boot-order.ts'
import type { Capability } from '../power/driver.ts'
import type { PowerAction } from '../power/power.ts'
import type { CommandClass } from './routes.ts'

/** A command as people write it, understood. `class` `null`: it asks about the BMC itself, which Reveille answers whatever is routed. */
export type WrittenCommand = Readonly<{
  class: CommandClass | null
  /** What a driver must be able to do. */
  capability: Capability | null
  /** What it is, as in "it is ...". */
  what: string
  device?: BootDevice | null | undefined
}>

const ACTIONS: Readonly<Record<PowerAction, string>> = {
  on: 'switching on',
  off: 'switching off at once',
  cycle: 'a power cycle',
  reset: 'a hard reset',
  soft: 'a clean shutdown',
  diag: 'a diagnostic interrupt',
}
/** Words of ipmitool, FreeIPMI and Redfish (DSP2046, ResetType) for each action. */
const ACTION_WORDS: Readonly<Record<string, PowerAction>> = {
  on: 'on',
  up: 'on',
  forceon: 'on',
  off: 'off',
  down: 'off',
  forceoff: 'off',
  cycle: 'cycle',
  powercycle: 'cycle',
  fullpowercycle: 'cycle',
  reset: 'reset',
  forcerestart: 'reset',
  soft: 'soft',
  shutdown: 'soft',
  gracefulshutdown: 'soft',
  gracefulrestart: 'soft',
  pushpowerbutton: 'soft',
  diag: 'diag',
  nmi: 'diag',
  pulse: 'diag',
}
const DEVICE_WORDS: Readonly<Record<string, BootDevice | null>> = {
  none: null,
  default: null,
  pxe: 'pxe',
  network: 'pxe',
  uefihttp: 'http',
  http: 'http',
  disk: 'disk',
  hdd: 'disk',
  safe: 'disk',
  cdrom: 'cdrom',
  cd: 'cdrom',
  dvd: 'cdrom',
  usb: 'usb',
  floppy: 'usb',
  media: 'media',
  bios: 'setup',
  biossetup: 'setup',
  setup: 'setup',
  diag: 'diag',
  diags: 'diag',
}
export const DEVICE_NAMES: Readonly<Record<BootDevice, string>> = {
  pxe: 'boot from the network',
  http: 'boot from the network by UEFI HTTP boot',
  disk: 'boot its own disk',
  cdrom: 'boot its disc',
  usb: 'boot from USB',
  media: 'boot the disc that was inserted',
  setup: 'open the setup of its firmware',
  diag: 'boot its diagnostics',
}

const own = (what: string): WrittenCommand => ({ class: null, capability: null, what })
const of = (name: CommandClass, capability: Capability, what: string): WrittenCommand => ({
  class: name,
  capability,
  what,
})
const STATE = of('power.hard', 'state', 'reading the power state')
const SENSORS = of('sensors', 'sensors', 'reading sensors')
const FRU = of('fru', 'fru', 'reading what the machine is made of')
const SEL = of('sel', 'events', 'reading the event log')
const IDENTIFY = of('identify', 'identify', 'lighting the lamp that identifies the machine')
const BOOT_ORDER = of('bootdev', 'boot-device', 'reading or changing what it boots from')
const CONSOLE = of('console', 'console', 'the serial console')
const MEDIA = of('media', 'media', 'inserting or ejecting a disc')
const ABOUT = own('a question about the BMC itself')
const MANAGER = own('a restart of the BMC that Reveille answers, never of the machine')

function act(action: PowerAction): WrittenCommand {
  return of(action === 'soft' ? 'power.soft' : 'power.hard', action, ACTIONS[action])
}

function boot(word: string | undefined): WrittenCommand | undefined {
  if (word === undefined || !Object.hasOwn(DEVICE_WORDS, word)) return undefined
  const device = DEVICE_WORDS[word] ?? null
  const what =
    device === null ? 'taking back what was ordered for the next boot' : `an order to ${DEVICE_NAMES[device]}`
  return { ...of('bootdev', 'boot-device', what), device }
}

/** IPMI 2.0 appendix G, table G-1: the requests that have a class; all others of the functions App and Transport are the BMC's own. */
function raw(bytes: readonly string[]): WrittenCommand | undefined {
  const [netFn, command, first] = bytes.map((text) =>
    /^(0x[0-9a-f]{1,2}|\d{1,3})$/.test(text) ? Number(text) : Number.NaN,
  )
  if (!(netFn !== undefined && netFn <= 0x3f) || !(command !== undefined && command <= 0xff)) return undefined
  if (netFn === 0x00) {
    if (command === 0x02) {
      const action = (['off', 'on', 'cycle', 'reset', 'diag', 'soft'] as const)[first ?? 0] ?? 'off'
      return act(action)
    }
    if (command === 0x01) return STATE
    if (command === 0x04) return IDENTIFY
    if (command === 0x08 || command === 0x09) return BOOT_ORDER
    if (command <= 0x0f) return ABOUT
  }
  if (netFn === 0x04 && command >= 0x20 && command <= 0x2f) return SENSORS
  if (netFn === 0x0a && command >= 0x10 && command <= 0x12) return FRU
  if (netFn === 0x0a && command >= 0x20 && command <= 0x2c) return SENSORS
  if (netFn === 0x0a && command === 0x47) return of('sel', 'events', 'emptying the event log')
  if (netFn === 0x0a && command >= 0x40 && command <= 0x4c) return SEL
  if (netFn === 0x06 || netFn === 0x0c) return ABOUT
  return of('raw', 'raw', 'a request that no class covers')
}

/** Words that decide by themselves, the first that matches. */
const WORDS: readonly (readonly [RegExp, WrittenCommand])[] = [
  [/^(chassis )?power status$|^chassis status$|^powerstate$|^get systems?\b/, STATE],
  [/^chassis identify|^identify|locationindicator|indicatorled|^chassis-identify/, IDENTIFY],
  [/^chassis bootparam|^bootsourceoverride$|^boot$/, BOOT_ORDER],
  [/^(chassis (poh|restart_cause|selftest|policy))/, ABOUT],
  [/^(sdr|sensor|dcmi|sensors|thermal|power supplies|ipmi-sensors)\b/, SENSORS],
  [/^(fru|ipmi-fru|chassis fru|inventory)\b/, FRU],
  [/^sel clear$|^ipmi-sel clear$|clearlog$/, of('sel', 'events', 'emptying the event log')],
  [/^(sel|ipmi-sel|logservices|eventlog)\b/, SEL],
  [/^sol info|^sol set|^sol payload/, ABOUT],
  [/^(sol|ipmiconsole|console|serialconsole)\b/, CONSOLE],
  [/insertmedia|ejectmedia|virtualmedia|^media\b/, MEDIA],
  [/^(mc|bmc) reset|manager\.reset|^managers? reset/, MANAGER],
  [/^(mc|bmc|lan|user|channel|session|payload|bmc-info|managers?|accountservice|sessionservice|ipmi-config)\b/, ABOUT],
]

/** What to write, for who wrote something else. */
export const WRITTEN_AS =
  'write it as ipmitool does (chassis power soft, chassis bootdev pxe, sol activate, sensor list, raw 0x06 0x01) or as Redfish does (Reset ForceOff, InsertMedia)'

/** Reads a command as ipmitool, FreeIPMI or Redfish write it; `undefined`: not understood. Any text is fine. */
export function readCommand(text: string): WrittenCommand | undefined {
  const line = text
    .toLowerCase()
    .replace(/[\s=:]+/g, ' ')
    .trim()
    .replace(/^ipmitool /, '')
  const words = line.split(' ').map((word) => word.replace(/^--?/, ''))
  const [first = ''] = words
  if (first === 'raw') return raw(words.slice(1))
  const bootAt = words.findIndex((word) => /^(bootdev|boot-device|bootsourceoverridetarget)$/.test(word))
  if (bootAt >= 0) return boot(words[bootAt + 1]) ?? (words[bootAt + 1] === undefined ? BOOT_ORDER : undefined)
  const power =
    /^(?:chassis )?(?:power|reset|ipmipower|computersystem\.reset|#computersystem\.reset|resettype)(?: resettype)? (\S+)$/.exec(
      words.join(' '),
    )?.[1]
  if (power !== undefined && Object.hasOwn(ACTION_WORDS, power)) return act(ACTION_WORDS[power]!)
  if (/^(ipmipower|power)$/.test(first) && /^(stat|status)$/.test(words[1] ?? '')) return STATE
  if (words.length === 1 && Object.hasOwn(ACTION_WORDS, first)) return act(ACTION_WORDS[first]!)
  const plain = words.join(' ')
  return WORDS.find(([pattern]) => pattern.test(plain))?.[1]
}

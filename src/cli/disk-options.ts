import type { SentBodyOf } from '../api/contract/route.ts'
import type { Contract } from '../api/contract.ts'
import { WrongUse } from './failure.ts'
import { readSize } from './units.ts'

type Order = SentBodyOf<Contract['createDeployment']>
type ArmedDisk = Extract<NonNullable<Order['arm']>, readonly unknown[]>[number]
type Hints = Extract<NonNullable<Order['action']>, { kind: 'capture' }>['disk']

/** `a=1,b=2` as pairs; a backslash keeps a comma that belongs to a value. */
function pairs(text: string, option: string): [string, string][] {
  if (text === '') return []
  return text.split(/(?<!\\),/).map((part) => {
    const at = part.indexOf('=')
    if (at < 1) throw new WrongUse(`${option} is written WORD=VALUE[,WORD=VALUE...], not ${JSON.stringify(part)}`)
    return [part.slice(0, at).trim(), part.slice(at + 1).replaceAll('\\,', ',')]
  })
}

/** `disk=SERIAL[,bytes=N][,fingerprint=HEX]`. */
export function readArm(text: string): ArmedDisk {
  const arm: { disk?: string; bytes?: number; fingerprint?: string } = {}
  for (const [word, value] of pairs(text, '--arm')) {
    if (word === 'disk') arm.disk = value
    else if (word === 'bytes' && /^[1-9]\d{0,15}$/.test(value)) arm.bytes = Number(value)
    else if (word === 'fingerprint') arm.fingerprint = value
    else throw new WrongUse(`--arm knows disk=SERIAL, bytes=N and fingerprint=HEX, not ${word}=${value}`)
  }
  if (!arm.disk) throw new WrongUse('--arm names the disk by its serial number: --arm disk=SERIAL')
  return { ...arm, disk: arm.disk }
}

const GIB = 1024 ** 3
const TRANSPORTS = ['nvme', 'sata', 'sas', 'usb', 'virtio', 'mmc', 'other'] as const

/** `serial=S,model=M,min=100G,...`; what they mean is in docs/deployments.md. */
export function readHints(text: string): NonNullable<Hints> {
  const hints: NonNullable<Hints> = {}
  for (const [word, value] of pairs(text, '--disk')) {
    if (word === 'serial' || word === 'wwn' || word === 'model') hints[word] = value
    else if (word === 'by-path') hints.byPath = value
    else if (word === 'transport') hints.transport = oneOf(word, value, TRANSPORTS)
    else if (word === 'rotational') hints.rotational = oneOf(word, value, ['yes', 'no']) === 'yes'
    else if (word === 'min') hints.leastBytes = size(word, value)
    else if (word === 'max') hints.mostBytes = size(word, value)
    else
      throw new WrongUse(
        `there is no disk hint ${word}; hints are serial, wwn, model, by-path, transport, rotational, min and max`,
      )
  }
  return hints
}

function oneOf<const T extends string>(word: string, value: string, values: readonly T[]): T {
  const found = values.find((each) => each === value)
  if (found === undefined) throw new WrongUse(`${word} is one of ${values.join(', ')}, not ${value}`)
  return found
}

function size(word: string, value: string): number {
  const gib = readSize(value, 'G')
  if (gib === undefined) throw new WrongUse(`${word} is a size such as 100G, not ${value}`)
  return Math.round(gib * GIB)
}

const UNITS = { min: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** `90min`, `2h`, `3d` from now, or a date with time; as ISO 8601. */
export function readUntil(text: string, now: number): string {
  const span = /^(\d{1,5})(min|h|d)$/.exec(text)
  const at = span ? now + Number(span[1]) * UNITS[span[2] as keyof typeof UNITS] : Date.parse(text)
  if (!(at > now)) throw new WrongUse(`--reserve is a time to come, such as 2h, 3d or 2026-12-24T18:00, not ${text}`)
  return new Date(at).toISOString()
}

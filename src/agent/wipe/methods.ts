import type { TaskOf } from '../task.ts'

export type Asked = TaskOf<'wipe'>['method']
export type Method = Exclude<Asked, 'auto'>

/** What a disk can do about forgetting, as far as is known before it is tried. */
export type Abilities = Readonly<{
  rotational: boolean
  discards: boolean
  /** Its own command to erase everything; `null` if it has none that would work now, and why. */
  erase: 'nvme-crypto' | 'nvme' | 'ata-enhanced' | 'ata' | null
  whyNot: string
}>

/** What is written in the certificate, so that nobody believes more than was done. */
export const GUARANTEES: Readonly<Record<Method, { means: string; doesNotMean: string }>> = {
  'secure-erase': {
    means: 'The disk itself reports that it erased all user data, also in places that the computer cannot address.',
    doesNotMean: 'That the firmware of the disk does what it reports; this cannot be checked from outside.',
  },
  discard: {
    means: 'The disk was told that nothing on it is needed, and it reads as zeros wherever it was looked at.',
    doesNotMean: 'That the memory cells were erased: who takes the disk apart may find old data in them.',
  },
  overwrite: {
    means: 'Zeros were written to every place that the computer can address.',
    doesNotMean:
      'That spare and remapped places hold no old data: SSDs have many of them, hard disks a few. For an SSD, secure-erase is better.',
  },
}

/** The method for a disk, and why. An asked one that cannot be had is a `RangeError` with the reason: never something weaker instead. */
export function chooseMethod(asked: Asked, able: Abilities): { method: Method; why: string } {
  if (asked === 'secure-erase' && able.erase === null)
    throw new RangeError(`The disk cannot erase itself: ${able.whyNot}. Ask for discard, overwrite or auto`)
  if (asked === 'discard' && !able.discards)
    throw new RangeError('The disk does not know discard. Ask for overwrite or auto')
  if (asked !== 'auto') return { method: asked, why: 'it was asked for' }
  if (able.erase !== null) return { method: 'secure-erase', why: 'the disk can erase itself' }
  const but = `it cannot erase itself (${able.whyNot})`
  if (able.discards && !able.rotational) return { method: 'discard', why: `${but}, but it knows discard` }
  return { method: 'overwrite', why: `${but}${able.rotational ? ' and is a hard disk' : ' and does not know discard'}` }
}

/** What `nvme id-ctrl -o json` says of formatting: Optional Admin Command Support bit 1, Format NVM Attributes bit 2 (NVMe 2.0, 5.17.2.1). */
export function nvmeErase(text: string): 'nvme-crypto' | 'nvme' | null {
  let answer: unknown
  try {
    answer = JSON.parse(text)
  } catch {
    return null
  }
  if (typeof answer !== 'object' || answer === null) return null
  const { oacs, fna } = answer as Record<string, unknown>
  if (typeof oacs !== 'number' || (oacs & 2) === 0) return null
  return typeof fna === 'number' && (fna & 4) !== 0 ? 'nvme-crypto' : 'nvme'
}

/** The part of `hdparm -I` about security. */
export function ataErase(text: string): { erase: 'ata-enhanced' | 'ata' | null; whyNot: string; locked: boolean } {
  const security = /\nSecurity:[^\n]*\n([\s\S]*)/.exec(text)?.[1] ?? ''
  const has = (word: string) => new RegExp(`^\\s+${word}\\b`, 'm').test(security)
  const locked = has('locked')
  const enhanced = has('supported: enhanced erase')
  if (!has('supported')) return { erase: null, whyNot: 'it has no security commands', locked }
  if (has('frozen'))
    return {
      erase: null,
      whyNot: 'the firmware of the computer froze its security; unplug and plug its power, or sleep and wake',
      locked,
    }
  return { erase: enhanced ? 'ata-enhanced' : 'ata', whyNot: '', locked }
}

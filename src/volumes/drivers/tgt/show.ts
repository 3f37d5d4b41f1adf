import { DecodeError } from '../../../kit/errors.ts'

/** What `tgtadm --op show --mode target` tells of one target. */
export type TgtTarget = Readonly<{
  tid: number
  iqn: string
  nexuses: readonly TgtNexus[]
  luns: readonly TgtLun[]
  accounts: readonly Readonly<{ user: string; outgoing: boolean }>[]
  /** Addresses and names of initiators in one list, as tgt keeps them; `ALL` is any address. */
  acl: readonly string[]
}>

/** A session. `id` is what `--sid` takes. */
export type TgtNexus = Readonly<{ id: number; initiator: string; connections: readonly number[]; address: string }>

export type TgtLun = Readonly<{ lun: number; type: string; path: string; readOnly: boolean; serial: string }>

const MOST_BYTES = 16 * 1024 * 1024
/** Where tgtadm begins the lines of a target, of its sections, of what is in a section, and so on. */
const INDENT = 4

/**
 * Reads what `tgtadm --op show --mode target` prints. Its words are never translated. Lines that are not understood are passed over, so
 * that a newer tgt may say more; a number that is none is refused. Names of initiators come from the network: at worst somebody who may log
 * in shows more sessions or rules than there are, so nobody may trust this for more than bookkeeping.
 */
export function parseTargets(text: string): TgtTarget[] {
  if (text.length > MOST_BYTES) throw new DecodeError('tgtadm printed too much')
  const targets: Reading[] = []
  let section = ''
  for (const line of text.split('\n')) {
    const words = line.trim()
    if (words === '') continue
    const depth = (line.length - line.trimStart().length) / INDENT
    if (depth === 0) {
      const head = /^Target (\d+): (\S+)$/.exec(words)
      section = ''
      if (head) targets.push({ tid: whole(head[1]!), iqn: head[2]!, nexuses: [], luns: [], accounts: [], acl: [] })
      continue
    }
    const target = targets.at(-1)
    if (!target) continue
    if (depth === 1) section = words.replace(/ information:$/, '')
    else readers[section]?.(target, words, depth)
  }
  return targets
}

type Reading = {
  tid: number
  iqn: string
  nexuses: { id: number; initiator: string; connections: number[]; address: string }[]
  luns: { lun: number; type: string; path: string; readOnly: boolean; serial: string }[]
  accounts: { user: string; outgoing: boolean }[]
  acl: string[]
}

const readers: Readonly<Record<string, (target: Reading, words: string, depth: number) => void>> = {
  'I_T nexus'(target, words, depth) {
    const [, name, value] = /^([^:]+): ?(.*)$/.exec(words) ?? []
    if (name === 'I_T nexus' && depth === 2) {
      target.nexuses.push({ id: whole(value!), initiator: '', connections: [], address: '' })
      return
    }
    const nexus = target.nexuses.at(-1)
    if (!nexus || value === undefined) return
    if (name === 'Initiator' && depth === 3) nexus.initiator = value.replace(/ alias: .*$/, '')
    else if (name === 'Connection' && depth === 3) nexus.connections.push(whole(value))
    else if (name === 'IP Address' && depth === 4) nexus.address ||= value
  },
  LUN(target, words, depth) {
    const [, name, value] = /^([^:]+): ?(.*)$/.exec(words) ?? []
    if (name === 'LUN' && depth === 2) {
      target.luns.push({ lun: whole(value!), type: '', path: '', readOnly: false, serial: '' })
      return
    }
    const lun = target.luns.at(-1)
    if (!lun || depth !== 3 || value === undefined) return
    if (name === 'Type') lun.type = value
    else if (name === 'Backing store path') lun.path = value
    else if (name === 'Readonly') lun.readOnly = value === 'Yes'
    else if (name === 'SCSI SN') lun.serial = value
  },
  Account(target, words) {
    const outgoing = words.endsWith(' (outgoing)')
    target.accounts.push({ user: outgoing ? words.slice(0, -' (outgoing)'.length) : words, outgoing })
  },
  ACL(target, words) {
    target.acl.push(words)
  },
}

/** Reads `--op show --mode portal`: `Portal: 10.0.0.1:3260,1` and `Portal: [::]:3260,1`. */
export function parsePortals(text: string): { host: string; port: number }[] {
  if (text.length > MOST_BYTES) throw new DecodeError('tgtadm printed too much')
  return [...text.matchAll(/^Portal: (\S+):(\d+),\d+$/gm)].map(([, host, port]) => ({
    host: host!.replace(/^\[(.*)\]$/, '$1'),
    port: whole(port!),
  }))
}

function whole(text: string): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) throw new DecodeError('tgtadm printed a number that is none')
  return value
}

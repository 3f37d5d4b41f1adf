import { Refusal } from '../../../kit/errors.ts'
import type { Target, TargetLun } from '../../engine.ts'
import type { TgtTarget } from './show.ts'

/** LUN 0 of every target of tgt is a controller that cannot be replaced: its disks begin at 1. */
export const FIRST_LUN = 1

/** The arguments of one call of tgtadm. */
export type Call = readonly string[]

/** A disk and the file or block device with its content. */
export type LunPath = Readonly<{ lun: TargetLun; path: string }>

/**
 * What tgtd is to be told so that `present` becomes `target`, in order: who may no longer is put out before anything else, who may now is
 * let in last. `ended` are sessions that must go. Accounts are not in here: tgtd has one list of them for all targets.
 */
export type Plan = Readonly<{
  close: readonly Call[]
  ended: readonly number[]
  luns: readonly Call[]
  open: readonly Call[]
}>

export function planTarget(
  present: TgtTarget | undefined,
  tid: number,
  target: Target,
  disks: readonly LunPath[],
  before: Target | undefined,
): Plan {
  const wanted = accessList(target)
  const existing = present?.acl ?? []
  // A target without users asks for no proof, and a user without its old secret is deleted first: the door is shut meanwhile.
  const secretChanged = before === undefined || JSON.stringify(before.chap) !== JSON.stringify(target.chap)
  const kept = secretChanged ? [] : existing.filter((entry) => wanted.includes(entry))
  return {
    close: existing.filter((entry) => !kept.includes(entry)).map((entry) => bind('unbind', tid, entry)),
    ended: (present?.nexuses ?? [])
      .filter((nexus) => secretChanged || !mayStay(target, nexus.initiator, nexus.address))
      .map((nexus) => nexus.id),
    luns: present ? lunCalls(present, tid, disks, before) : newTarget(tid, target.iqn, disks),
    open: wanted.filter((entry) => !kept.includes(entry)).map((entry) => bind('bind', tid, entry)),
  }
}

/** Whether a session may go on. tgt itself lets in who has the name *or* the address, so both are looked at here. */
export function mayStay(target: Target, initiator: string, address: string): boolean {
  return (
    (target.initiators === null || target.initiators.includes(initiator)) &&
    (target.addresses === null || target.addresses.includes(address))
  )
}

/** tgt lets in whoever matches any entry. Where names and addresses are asked for, only names are entered: they say more. */
export function accessList(target: Target): string[] {
  if (target.initiators !== null) return [...target.initiators]
  return target.addresses === null ? ['ALL'] : [...target.addresses]
}

function bind(op: 'bind' | 'unbind', tid: number, entry: string): Call {
  const address = entry === 'ALL' || /^[0-9.]+$/.test(entry)
  return [
    '--op', op, '--mode', 'target', '--tid', String(tid),
    address ? '--initiator-address' : '--initiator-name', entry,
  ] // biome-ignore format: one call, one line
}

function newTarget(tid: number, iqn: string, disks: readonly LunPath[]): Call[] {
  const settings = { MaxRecvDataSegmentLength: 262_144, FirstBurstLength: 262_144 }
  return [
    ['--op', 'new', '--mode', 'target', '--tid', String(tid), '--targetname', iqn],
    ...Object.entries(settings).map(([name, value]) => [
      ...['--op', 'update', '--mode', 'target', '--tid', String(tid)],
      ...['--name', name, '--value', String(value)],
    ]),
    ...disks.flatMap((disk) => newLun(tid, disk)),
  ]
}

/** A disk whose path, name or direction changed is taken away and made anew; others are not touched. */
function lunCalls(present: TgtTarget, tid: number, disks: readonly LunPath[], before: Target | undefined): Call[] {
  const same = (disk: LunPath) => {
    const was = before?.luns.find((lun) => lun.lun === disk.lun.lun)
    return (
      JSON.stringify(was) === JSON.stringify(disk.lun) &&
      present.luns.some((lun) => lun.lun === disk.lun.lun + FIRST_LUN && lun.path === disk.path)
    )
  }
  const kept = disks.filter(same)
  const gone = present.luns.filter(
    ({ lun }) => lun >= FIRST_LUN && !kept.some((disk) => disk.lun.lun + FIRST_LUN === lun),
  )
  return [
    ...gone.map(({ lun }) => lunCall('delete', tid, lun)),
    ...disks.filter((disk) => !kept.includes(disk)).flatMap((disk) => newLun(tid, disk)),
  ]
}

function newLun(tid: number, { lun, path }: LunPath): Call[] {
  // tgtd takes its parameters as one text with commas between, and has no way to write a comma.
  if (/[,\n]/.test(path))
    throw new Refusal('not-available', `tgt cannot serve ${JSON.stringify(path)}: its name has a comma`, {
      next: 'set volumes.directory to a path without commas',
    })
  const { vendor, product, revision } = lun.scsi
  const identity = {
    vendor_id: vendor,
    product_id: product,
    product_rev: revision,
    scsi_sn: lun.serial,
    scsi_id: lun.serial,
    readonly: lun.readOnly ? '1' : '0',
    thin_provisioning: '1',
  }
  const number = lun.lun + FIRST_LUN
  return [
    [...lunCall('new', tid, number), '--backing-store', path],
    [
      ...lunCall('update', tid, number),
      '--params',
      Object.entries(identity)
        .map(([name, value]) => `${name}=${value.replaceAll(',', '.')}`)
        .join(','),
    ],
  ]
}

const lunCall = (op: string, tid: number, lun: number): string[] => [
  ...['--op', op, '--mode', 'logicalunit', '--tid', String(tid), '--lun', String(lun)],
]

/** A CHAP user of a target. tgtd has one secret for each user, whichever targets they are bound to. */
export type Account = Readonly<{ user: string; secret: string; outgoing: boolean }>

export function accountsOf(target: Target): Account[] {
  if (!target.chap) return []
  const { user, secret, mutual } = target.chap
  return [{ user, secret, outgoing: false }, ...(mutual ? [{ ...mutual, outgoing: true }] : [])]
}

/**
 * What tgtd is to be told so that `target` has its users. `present` are users bound to it; `others` are the other targets that are applied;
 * `known` are secrets that tgtd has. A user with two secrets is refused as `conflict`.
 */
export function planAccounts(
  tid: number,
  target: Target,
  present: TgtTarget['accounts'],
  others: readonly Target[],
  known: ReadonlyMap<string, string>,
): Call[] {
  const wanted = accountsOf(target)
  const elsewhere = others.flatMap(accountsOf)
  for (const [i, account] of wanted.entries())
    if (
      [...elsewhere, ...wanted.slice(0, i)].some(
        (other) => other.user === account.user && other.secret !== account.secret,
      )
    )
      throw new Refusal('conflict', `tgt keeps one secret for each CHAP user, and ${account.user} has two`, {
        next: 'use another user, or iscsi.engine builtin',
      })
  const calls: Call[] = []
  const name = (op: string, user: string, more: readonly string[] = []) =>
    calls.push(['--op', op, '--mode', 'account', '--user', user, ...more])
  const bound = new Set(present.map(({ user, outgoing }) => `${user} ${outgoing}`))
  for (const { user, outgoing } of present) {
    if (wanted.some((account) => account.user === user && account.outgoing === outgoing)) continue
    bound.delete(`${user} ${outgoing}`)
    name('unbind', user, ['--tid', String(tid), ...(outgoing ? ['--outgoing'] : [])])
  }
  for (const user of new Set(present.map((account) => account.user)))
    if (known.has(user) && ![...elsewhere, ...wanted].some((account) => account.user === user)) name('delete', user)
  for (const { user, secret, outgoing } of wanted) {
    const had = known.get(user)
    if (had !== secret) {
      if (had !== undefined) name('delete', user)
      name('new', user, ['--password', secret])
    }
    if (had !== secret || !bound.has(`${user} ${outgoing}`))
      name('bind', user, ['--tid', String(tid), ...(outgoing ? ['--outgoing'] : [])])
  }
  return calls
}

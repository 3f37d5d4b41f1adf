import type { Stage } from './trace.ts'

/**
 * The words that boot stages put into `TraceEvent.kind`, with the `detail` keys that correlation, stall detection and
 * `reveille why` read. More detail is welcome and is shown to people; missing detail makes the explanation vaguer, never wrong.
 * Addresses are dotted decimal. One event tells of one packet or request and of what was answered to it.
 */
export const TRACE_KINDS = {
  /** A DISCOVER heard. `outcome` ok: we offered; ignored: we stayed silent on purpose; refused: no address left, rate limit, ... */
  'dhcp.discover': ['client', 'architecture', 'arch', 'reply', 'address', 'file', 'relay', 'interface', 'xid'],
  /** A REQUEST heard, to us or to another server: `server` is its option 54. `reply` says whether it got an ACK or a NAK. */
  'dhcp.request': ['client', 'architecture', 'arch', 'reply', 'server', 'address', 'file', 'relay', 'interface', 'xid'],
  /** A PXE request to port 4011 (proxyDHCP), or one of a client that got its address elsewhere. */
  'dhcp.proxy': ['client', 'architecture', 'arch', 'reply', 'server', 'address', 'file', 'interface', 'xid'],
  'dhcp.inform': ['client', 'architecture', 'arch', 'reply', 'address', 'file', 'interface', 'xid'],
  /** The client found somebody else on the `address` it was given. */
  'dhcp.decline': ['address', 'server', 'interface', 'xid'],
  'dhcp.release': ['address', 'server', 'interface', 'xid'],
  /** An OFFER or ACK of another DHCP server (`server`) was seen; `message` is `offer`, `ack` or `nak`. */
  'dhcp.foreign': ['server', 'message', 'address', 'file', 'interface', 'xid'],
  /** An address that we were about to give is in use by somebody we did not give it to. */
  'dhcp.conflict': ['address', 'interface'],
  /** A packet that no client of ours should send. */
  'dhcp.dropped': ['interface'],
  /** A TFTP read request; ok: a transfer began. A size probe that the client aborts is recorded with `probe`. */
  'tftp.read': ['file', 'blksize', 'windowsize', 'size', 'probe'],
  /** A TFTP transfer ended; ok: every byte was acknowledged (`bytes`, `durationMs`). failed: `error` says how. */
  'tftp.done': ['file', 'blksize', 'windowsize', 'retransmits', 'error'],
  /** A boot program over HTTP (UEFI HTTP boot). `method` HEAD is the firmware's size probe; `complete` false: it broke off. */
  'http.program': ['file', 'method', 'status', 'complete'],
  /** The first script, the same for all. */
  'http.start': ['status'],
  /** The script for this machine. `decision` is the profile kind it runs (`park`, `live`, `local`, ...), `profile` its name, `by` GRUB where it is. */
  'http.script': ['status', 'decision', 'profile', 'boot', 'by'],
  /** A file of an image. `role` is kernel, initrd or iso; `complete` false: the connection broke off before its end. */
  'http.blob': ['file', 'role', 'image', 'status', 'complete', 'range'],
  /** The script reports that it passes control now. `awaits` home: what it starts is to phone home within `homeSeconds`. */
  'mark.launch': ['boot', 'decision', 'profile', 'awaits', 'homeSeconds'],
  /** The script reports that a step failed; `error` is what iPXE said. It waits and tries again. */
  'mark.failed': ['boot', 'error', 'step'],
  'mark.retry': ['boot', 'error', 'step'],
  /** The booted system asked for one of the profile's files. */
  'http.file': ['file', 'status'],
  /** It says that it is what it was to become. `outcome` ignored: its deployment did not wait for that (any more). */
  'http.home': ['status'],
  /** Its disks over iSCSI were made ready, or refused: `profile`. */
  'disk.ready': ['profile'],
  'disk.refused': ['profile'],
  /** Somebody logged in to its disks, or was not let in; the end of that. */
  'disk.login': ['target', 'initiator'],
  'disk.logout': ['target', 'initiator'],
  /** The management OS was given what it proves itself with. */
  'agent.pass': [],
  /** It runs and said hello. */
  'agent.hello': ['version'],
  'agent.inventory': [],
  /** It began a task: `task` is its kind. */
  'agent.task': ['task'],
  /** It is told to wait. */
  'agent.wait': [],
  /** A sign of life while it works; recorded now and then. */
  'agent.progress': [],
  /** A task ended. `finished`: it was the last one and the machine restarts. */
  'agent.result': ['ok', 'finished'],
  /** Somebody showed a used pass or a wrong session. */
  'agent.refused': [],
  /** What somebody ordered through the BMC that is answered for the machine: power, boot device, disc. It tells of no boot by itself. */
  'bmc.order': [],
  /** A restart was not seen and is tried by off and on: an order to one driver, and what came of it. It tells of no boot by itself. */
  'power.order': ['driver', 'action', 'outcome'],
} as const satisfies Readonly<Record<string, readonly string[]>>

export type TraceKind = keyof typeof TRACE_KINDS

/**
 * Values of `detail.client`: who speaks DHCP. `firmware` is PXE in ROM, `http` UEFI HTTP boot, `ipxe` has user class iPXE or
 * option 175, `system` is anything else (an installer, an operating system). `detail.architecture` is the name from
 * `boot/programs.ts` ("x64 UEFI"), `detail.arch` its number.
 */
export const TRACE_CLIENTS = ['firmware', 'http', 'ipxe', 'system'] as const
export type TraceClient = (typeof TRACE_CLIENTS)[number]

/** Values of `detail.reply`: what we sent, `none` when we stayed silent. */
export const TRACE_REPLIES = ['offer', 'ack', 'nak', 'none'] as const
export type TraceReply = (typeof TRACE_REPLIES)[number]

/** The stage of each kind; DHCP from a running system (`client` system) counts as `system`. */
export function stageOf(kind: TraceKind, client?: TraceClient): Stage {
  if (kind === 'bmc.order' || kind === 'power.order') return 'offer'
  if (kind.startsWith('dhcp.')) return client === 'system' ? 'system' : 'offer'
  if (kind.startsWith('tftp.') || kind === 'http.program') return 'loader'
  if (kind === 'http.blob' || kind === 'disk.login' || kind === 'disk.logout') return 'fetch'
  if (kind === 'mark.launch') return 'launch'
  if (kind === 'agent.pass') return 'fetch'
  if (kind.startsWith('agent.')) return 'install'
  if (kind === 'http.file' || kind === 'http.home') return 'system'
  return 'script'
}

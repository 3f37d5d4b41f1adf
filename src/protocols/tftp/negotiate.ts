import { MAX_BLKSIZE, type TftpOptions } from './packet.ts'

/** What a server can give to one client. */
export type TftpLimits = Readonly<{
  /** Bytes of the file. */
  size: number
  /** Largest block that crosses the path in one piece: its MTU less 20 (IP), 8 (UDP) and 4 (TFTP) octets. */
  maxBlksize: number
  /** Most blocks sent before an acknowledgement. */
  maxWindowsize: number
  /** Most bytes sent before an acknowledgement: clients have small receive buffers. */
  maxWindowBytes: number
}>

/** How one file is sent. `oack` holds what the OACK says; empty: there is none and DATA 1 is the answer. */
export type TftpTerms = Readonly<{
  size: number
  blksize: number
  windowsize: number
  /** Before the first retransmission. */
  timeoutMs: number
  oack: TftpOptions
}>

export const DEFAULT_BLKSIZE = 512
const DEFAULT_TIMEOUT_MS = 1000

/**
 * Decides the terms from what a client asks. Only options that it asked for are acknowledged; one that makes no sense or is
 * unknown is left out, and the client then goes on without it (RFC 2347).
 */
export function negotiate(asked: TftpOptions, limits: TftpLimits): TftpTerms {
  const terms = { size: limits.size, blksize: DEFAULT_BLKSIZE, windowsize: 1, timeoutMs: DEFAULT_TIMEOUT_MS }
  const granted = new Map<string, number>()
  for (const [name, text] of asked) {
    const value = decimal(text)
    if (value === undefined) continue
    switch (name) {
      case 'blksize':
        // RFC 2348: 8 to 65464; the server's value is at most the client's.
        if (value < 8) break
        terms.blksize = Math.min(value, Math.max(8, limits.maxBlksize), MAX_BLKSIZE)
        granted.set(name, terms.blksize)
        break
      case 'timeout':
        // RFC 2349: 1 to 255 seconds, taken as it is or not at all.
        if (value < 1 || value > 255) break
        terms.timeoutMs = value * 1000
        granted.set(name, value)
        break
      case 'tsize':
        // RFC 2349: in a read request the client says 0 and the answer is the size.
        granted.set(name, limits.size)
        break
      case 'windowsize':
        // RFC 7440 §3: 1 to 65535; the server's value is at most the client's.
        if (value < 1 || value > 65_535) break
        terms.windowsize = Math.min(value, limits.maxWindowsize)
        granted.set(name, terms.windowsize)
        break
    }
  }
  if (granted.has('windowsize')) {
    terms.windowsize = Math.max(1, Math.min(terms.windowsize, Math.floor(limits.maxWindowBytes / terms.blksize)))
    granted.set('windowsize', terms.windowsize)
  }
  return { ...terms, oack: [...granted].map(([name, value]) => [name, String(value)] as const) }
}

/** Options are numbers in decimal ASCII (RFC 2347). */
function decimal(text: string): number | undefined {
  return /^[0-9]{1,15}$/.test(text) ? Number(text) : undefined
}

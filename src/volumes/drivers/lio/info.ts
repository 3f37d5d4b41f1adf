/** A session as the kernel tells of it in `acls/INITIATOR/info`. */
export type LioSession = Readonly<{ id: number; initiator: string; address: string }>

const MOST_BYTES = 64 * 1024

/**
 * Reads the file `info` of an initiator's entry: at most one session, with its connections. Its words are the kernel's and never
 * translated. `undefined` when nobody is logged in, or when a newer kernel says it so differently that it is not understood.
 */
export function parseInfo(text: string): LioSession | undefined {
  if (text.length > MOST_BYTES) return undefined
  const initiator = /^InitiatorName: (\S+)$/m.exec(text)?.[1]
  const id = /^LIO Session ID: (\d{1,10})\s/m.exec(text)?.[1]
  if (initiator === undefined || id === undefined || !/SESS_STATE_LOGGED_IN/.test(text)) return undefined
  const address = /^\s+Address (\S+) /m.exec(text)?.[1] ?? ''
  return { id: Number(id), initiator, address: address.replace(/^\[?(?:::ffff:)?([^\]]*)\]?(?::\d+)?$/, '$1') }
}

/** Names of who is logged in without an entry: one after the other, ended by zeros or new lines. */
export function parseDynamicSessions(text: string): string[] {
  return text
    .slice(0, MOST_BYTES)
    .split(/[\0\n]/)
    .filter((name) => name !== '')
}

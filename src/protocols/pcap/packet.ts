/** What tcpdump calls the link type of a capture (LINKTYPE_ values, https://www.tcpdump.org/linktypes.html). */
export const LINK_TYPE = { ethernet: 1, rawIp: 101, linuxCooked: 113, ipv4: 228, ipv6: 229, linuxCooked2: 276 } as const

/** One recorded packet. `at` is milliseconds since 1970 with a fraction; `bytes` is a window on the file. */
export type CapturedPacket = Readonly<{
  at: number
  linkType: number
  bytes: Uint8Array
  /** Its length on the wire; longer than `bytes` when the capture cut it. */
  length: number
}>

/** No more packets of one file are read: what comes after is left out and said so. */
export const MOST_PACKETS = 1_000_000
/** Largest packet that is believed (tcpdump's own limit). */
export const LARGEST_PACKET = 262_144

/** What a capture file holds. `note` says why reading ended early: then the packets before that point are there. */
export type Capture = Readonly<{ packets: readonly CapturedPacket[]; note: string | null }>

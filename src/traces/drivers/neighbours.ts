import { readFileSync } from 'node:fs'
import { type Mac, parseMac } from '../../kit/mac.ts'

const FRESH_MS = 1000
/** `ATF_COM` of linux/if_arp.h: the entry is complete. */
const COMPLETE = 0x2

/**
 * Looks addresses up in the kernel's ARP table, read at most once a second. It knows every machine on a directly attached
 * network that has just talked to us, even when no DHCP was seen (a server restarted in the middle of a boot, dhcp.mode off).
 */
export function arpNeighbours(path = '/proc/net/arp', now: () => number = () => performance.now()) {
  let table = new Map<string, Mac>()
  let readAt = Number.NEGATIVE_INFINITY
  return (address: string): Mac | undefined => {
    if (now() - readAt >= FRESH_MS) {
      readAt = now()
      table = readTable(path)
    }
    return table.get(address)
  }
}

function readTable(path: string): Map<string, Mac> {
  const table = new Map<string, Mac>()
  let text: string
  try {
    text = readFileSync(path, 'latin1')
  } catch {
    return table
  }
  // proc(5): IP address, HW type, Flags, HW address, Mask, Device; the first line is a heading.
  for (const line of text.split('\n').slice(1)) {
    const [address, , flags, hardware] = line.split(/\s+/)
    const mac = hardware === undefined ? undefined : parseMac(hardware)
    if (address !== undefined && mac && (Number(flags) & COMPLETE) !== 0) table.set(address, mac)
  }
  return table
}

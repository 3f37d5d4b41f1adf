import { readFileSync } from 'node:fs'
import { type Mac, parseMac } from '../../kit/mac.ts'

/** How long one reading of the table counts, in ms. */
const FRESH_MS = 500

/**
 * Asks the kernel's neighbour (ARP) table which MAC uses an address: how TFTP and HTTP requests find their machine when
 * another server gave the address. Never throws; without the table nobody is known.
 */
export class Neighbours {
  #table = new Map<string, Mac>()
  #readAt = Number.NEGATIVE_INFINITY

  macOf(address: string): Mac | undefined {
    const now = performance.now()
    if (now - this.#readAt > FRESH_MS) {
      this.#readAt = now
      this.#table = readTable()
    }
    return this.#table.get(address)
  }
}

/** The lines of /proc/net/arp: address, hardware type, flags, hardware address, mask, device. */
export function parseArpTable(text: string): Map<string, Mac> {
  const table = new Map<string, Mac>()
  for (const line of text.split('\n').slice(1)) {
    const [address, , flags, hardware] = line.split(/\s+/)
    const mac = hardware === undefined ? undefined : parseMac(hardware)
    // ATF_COM (2): the kernel has an answer, not just a question.
    if (address && mac && (Number(flags) & 2) !== 0) table.set(address, mac)
  }
  return table
}

function readTable(): Map<string, Mac> {
  try {
    return parseArpTable(readFileSync('/proc/net/arp', 'utf8'))
  } catch {
    return new Map()
  }
}

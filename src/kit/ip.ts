declare const brand: unique symbol
/** An IPv4 address as an unsigned 32-bit number, as in packets; `0` is 0.0.0.0. */
export type Ipv4 = number & { readonly [brand]: 'Ipv4' }

export const ANY_ADDRESS = 0 as Ipv4
export const LIMITED_BROADCAST = 0xffffffff as Ipv4

/** A block of addresses: `base` has the host bits clear. */
export type Subnet = Readonly<{ base: Ipv4; prefix: number }>

export function ipv4(value: number): Ipv4 {
  return (value >>> 0) as Ipv4
}

/** Reads dotted decimal without leading zeros; `undefined` for anything else. */
export function parseIpv4(text: string): Ipv4 | undefined {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)?.slice(1)
  if (!parts || parts.some((part) => Number(part) > 255 || (part.length > 1 && part.startsWith('0')))) return undefined
  return ipv4(parts.reduce((sum, part) => sum * 256 + Number(part), 0))
}

export function formatIpv4(address: Ipv4): string {
  return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`
}

/** Reads `10.0.0.0/24`; the host bits may be set and are cleared. */
export function parseSubnet(text: string): Subnet | undefined {
  const [address, prefix, extra] = text.split('/')
  const base = address === undefined ? undefined : parseIpv4(address)
  if (
    base === undefined ||
    prefix === undefined ||
    extra !== undefined ||
    !/^\d{1,2}$/.test(prefix) ||
    Number(prefix) > 32
  )
    return undefined
  return { base: ipv4(base & maskOf(Number(prefix))), prefix: Number(prefix) }
}

export function formatSubnet(subnet: Subnet): string {
  return `${formatIpv4(subnet.base)}/${subnet.prefix}`
}

export function maskOf(prefix: number): Ipv4 {
  return ipv4(prefix === 0 ? 0 : 0xffffffff << (32 - prefix))
}

export function contains(subnet: Subnet, address: Ipv4): boolean {
  return ipv4(address & maskOf(subnet.prefix)) === subnet.base
}

export function broadcastOf(subnet: Subnet): Ipv4 {
  return ipv4(subnet.base | ~maskOf(subnet.prefix))
}

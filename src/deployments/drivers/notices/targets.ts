import { BlockList, isIP } from 'node:net'

/**
 * Where a webhook may not lead. Whoever may deploy names the address, and the server calls it from inside the network: so nothing on
 * this computer itself, no link-local address (cloud metadata is there), and nothing that is no single host. Private networks are
 * allowed: that is where people's chat and automation servers are.
 */
const REFUSED = new BlockList()
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['224.0.0.0', 3],
  // Metadata of a cloud that does not use link-local.
  ['100.100.100.200', 32],
] as const)
  REFUSED.addSubnet(network, prefix, 'ipv4')
for (const [network, prefix] of [
  ['::', 128],
  ['::1', 128],
  ['fe80::', 10],
  ['ff00::', 8],
  // Addresses that stand for IPv4 ones: each would have to be looked at again.
  ['64:ff9b::', 96],
  ['2002::', 16],
  // Metadata of a cloud within the unique local addresses.
  ['fd00:ec2::254', 128],
] as const)
  REFUSED.addSubnet(network, prefix, 'ipv6')

/** Whether a webhook may be sent to this address. IPv4 addresses in IPv6 form are judged as what they are. */
export function mayCall(address: string): boolean {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  const plain = mapped ?? address
  const family = isIP(plain)
  if (family === 0 || (family === 6 && /^::ffff:/i.test(plain))) return false
  return !REFUSED.check(plain, family === 4 ? 'ipv4' : 'ipv6')
}

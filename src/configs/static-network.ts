/** What is known of the network of a machine, as texts. */
export type Place = Readonly<{
  mac: string | null
  address: string | null
  /** Whether the address is the machine's for good. */
  fixed: boolean
  prefix: number | null
  router: string | null
  dns: readonly string[]
  domain: string | null
}>

/**
 * The network of a machine in the languages of those who set it up: static where its address is fixed, by DHCP else. `v2` is a tree
 * for cloud-init's network-config and netplan; the others are texts of files. Null: nobody knows its MAC.
 */
export function staticNetwork(place: Place) {
  if (place.mac === null) return { v2: null, networkd: null, keyfile: null }
  return { v2: v2(place), networkd: networkd(place), keyfile: keyfile(place) }
}

const isStatic = ({ fixed, address, prefix }: Place) => fixed && address !== null && prefix !== null

/** cloud-init's networking config version 2. */
function v2(place: Place) {
  const { mac, address, prefix, router, dns, domain } = place
  const match = { macaddress: mac }
  if (!isStatic(place)) return { version: 2, ethernets: { lan: { match, dhcp4: true } } }
  const routes = router === null ? {} : { routes: [{ to: 'default', via: router }] }
  const nameservers = dns.length === 0 ? {} : { nameservers: { addresses: [...dns], search: domain ? [domain] : [] } }
  const lan = { match, dhcp4: false, addresses: [`${address}/${prefix}`], ...routes, ...nameservers }
  return { version: 2, ethernets: { lan } }
}

/** systemd.network(5). */
function networkd(place: Place): string {
  const { mac, address, prefix, router, dns, domain } = place
  const lines = isStatic(place)
    ? [
        `Address=${address}/${prefix}`,
        ...(router === null ? [] : [`Gateway=${router}`]),
        ...dns.map((each) => `DNS=${each}`),
        ...(domain === null ? [] : [`Domains=${domain}`]),
      ]
    : ['DHCP=ipv4']
  return `[Match]\nMACAddress=${mac}\n\n[Network]\n${lines.join('\n')}\n`
}

/** nm-settings-keyfile(5). */
function keyfile(place: Place): string {
  const { mac, address, prefix, router, dns, domain } = place
  const ipv4 = isStatic(place)
    ? [
        'method=manual',
        `address1=${address}/${prefix}${router === null ? '' : `,${router}`}`,
        ...(dns.length === 0 ? [] : [`dns=${dns.map((each) => `${each};`).join('')}`]),
        ...(domain === null ? [] : [`dns-search=${domain};`]),
      ]
    : ['method=auto']
  return `[connection]\nid=lan\ntype=ethernet\n\n[ethernet]\nmac-address=${mac}\n\n[ipv4]\n${ipv4.join('\n')}\n`
}

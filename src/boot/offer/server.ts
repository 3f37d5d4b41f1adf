import { ANY_ADDRESS, contains, formatIpv4, type Ipv4 } from '../../kit/ip.ts'
import type { Lease } from '../../networks/lease.ts'
import type { Asker } from '../../networks/leases.ts'
import type { Network } from '../../networks/network.ts'
import { getOption, OPTION } from '../../protocols/dhcp/options.ts'
import { sightingOf } from './boot.ts'
import { chooseNetworks } from './choose-network.ts'
import type { OfferDecision } from './facts.ts'
import { mayBeSeen } from './proxy.ts'
import { bootAnswer, decision, type Question, whoAsks } from './question.ts'
import { buildReply, type ReplyParts } from './reply.ts'

/** We give the addresses (RFC 2131 §4.3). */
export function decideServer(question: Question): OfferDecision {
  const { message, relay, arrival, facts } = question
  const { networks, how } = chooseNetworks(message, relay, arrival.on, facts.networks)
  if (networks.length === 0)
    return decision(question, {
      outcome: 'ignored',
      summary: `${whoAsks(question)} asked for an address where none are given`,
      reason: `no network of the configuration was found ${how}`,
    })
  switch (question.type) {
    case 'discover':
      return discover(question, networks, how)
    case 'request':
      return request(question, networks)
    case 'decline':
      return decline(question, networks)
    case 'release':
      return release(question)
    default:
      return inform(question, networks)
  }
}

/** RFC 2131 §4.3.1. */
function discover(question: Question, networks: readonly Network[], how: string): OfferDecision {
  const { message, facts } = question
  const requested = getOption(message, OPTION.requestedAddress)
  const refusals: string[] = []
  for (const network of preferring(question, networks, requested)) {
    const asker = askerOf(question, network)
    const choice = facts.leases.choose(asker, requested)
    if (choice.ip === null) {
      refusals.push(choice.why)
      continue
    }
    const { ip, why } = choice
    const told = tellBoot(question)
    return decision(
      question,
      {
        outcome: 'ok',
        summary: `${whoAsks(question)} was offered ${formatIpv4(ip)}${told.summary}`,
        reason: `${CHOICE_REASONS[why]} in network ${network.name}, found ${how}${told.reason}`,
        detail: { address: formatIpv4(ip), network: network.name, ...told.detail },
      },
      {
        reply: buildReply(message, question.arrival, {
          type: 'offer',
          serverId: question.serverId,
          yiaddr: ip,
          lease: { network, leased: true, hostname: hostnameFor(question) },
          boot: told.boot,
        }),
        change: { kind: 'hold', asker, ip },
        // What this client had before needs no look at the wire: whoever answers there would be the client itself.
        probe: why === 'free' || why === 'requested' ? { asker, ip } : null,
        sighting: sighting(question, null),
      },
    )
  }
  return decision(question, {
    outcome: 'refused',
    summary: `${whoAsks(question)} asked for an address and there is none for it`,
    reason: refusals.join('; '),
  })
}

const CHOICE_REASONS = {
  reserved: 'it is the address reserved for this machine',
  current: 'it is the address it has already',
  former: 'it is the address it had before',
  requested: 'it is the address it asked for',
  free: 'it is a free address',
} as const

/** Networks where the machine has a reservation first, then those of the address it asks for. */
function preferring(
  { mac, facts }: Question,
  networks: readonly Network[],
  requested: Ipv4 | undefined,
): readonly Network[] {
  if (networks.length < 2) return networks
  const reserved = facts.leases.reservedFor(mac)
  const rank = ({ subnet }: Network) => {
    if (reserved !== undefined && contains(subnet, reserved)) return 0
    return requested !== undefined && contains(subnet, requested) ? 1 : 2
  }
  return [...networks].sort((a, b) => rank(a) - rank(b))
}

/** RFC 2131 §4.3.2: the fields tell which of the four client states a REQUEST comes from. */
function request(question: Question, networks: readonly Network[]): OfferDecision {
  const { message } = question
  const told = getOption(message, OPTION.serverIdentifier)
  const requested = getOption(message, OPTION.requestedAddress)
  if (told !== undefined) return selecting(question, networks, told, requested ?? message.ciaddr)
  if (requested !== undefined && message.ciaddr === ANY_ADDRESS) return initReboot(question, networks, requested)
  if (message.ciaddr !== ANY_ADDRESS) return extending(question, networks, message.ciaddr)
  return silent(question, 'names no address', 'A REQUEST has a requested address (option 50) or a client address')
}

function selecting(question: Question, networks: readonly Network[], told: Ipv4, ip: Ipv4): OfferDecision {
  const { facts, relay, arrival, message, request } = question
  const ours = told === question.serverId || (facts.isOurs(told) && (message.giaddr !== 0 || relay !== undefined))
  if (!ours && facts.isOurs(told))
    return silent(
      question,
      'answers our offer on another interface',
      `it names our address ${formatIpv4(told)}, and ${arrival.on.name} has ${formatIpv4(arrival.on.address)}`,
    )
  if (!ours)
    return decision(
      question,
      {
        outcome: 'ignored',
        summary: `${whoAsks(question)} took the offer of another DHCP server, ${formatIpv4(told)}`,
        reason: 'two servers that give addresses on one network compete; the client takes the offer it likes better',
        detail: { server: formatIpv4(told), address: formatIpv4(ip) },
      },
      {
        change: networks[0] ? { kind: 'drop', asker: askerOf(question, networks[0]) } : null,
        otherServer: told,
        learn: request && ip !== ANY_ADDRESS ? ip : null,
      },
    )
  const network = networks.find((each) => contains(each.subnet, ip))
  if (!network) return nak(question, ip, 'is not in its network')
  const permission = facts.leases.permit(askerOf(question, network), ip)
  return permission.granted
    ? ack(question, network, ip, `it took our offer: the address ${permission.reason}`)
    : nak(question, ip, permission.reason)
}

function initReboot(question: Question, networks: readonly Network[], ip: Ipv4): OfferDecision {
  const { facts, mac } = question
  const network = networks.find((each) => contains(each.subnet, ip))
  if (!network) return nak(question, ip, 'is not in its network')
  const asker = askerOf(question, network)
  const reserved = facts.leases.reservedFor(mac)
  const fixed = reserved !== undefined && contains(network.subnet, reserved) ? reserved : undefined
  const expected = fixed ?? facts.leases.recordOf(asker)?.ip
  // RFC 2131 §4.3.2: a server without a record of the client must remain silent.
  if (expected === undefined)
    return silent(
      question,
      `asked for ${formatIpv4(ip)} again`,
      'there is no record of this client; another server may have one',
    )
  if (expected !== ip) return nak(question, ip, `is not its address ${formatIpv4(expected)}`)
  const permission = facts.leases.permit(asker, ip)
  return permission.granted
    ? ack(question, network, ip, 'it started again with the address on record')
    : nak(question, ip, permission.reason)
}

/** RENEWING (to us alone) and REBINDING (to everyone): told apart by nothing in the packet, and answered alike. */
function extending(question: Question, networks: readonly Network[], ip: Ipv4): OfferDecision {
  const network = networks.find((each) => contains(each.subnet, ip))
  if (!network)
    return silent(
      question,
      `wants to keep ${formatIpv4(ip)}`,
      'the address is of no network served here; another server may know it',
    )
  const asker = askerOf(question, network)
  const permission = question.facts.leases.permit(asker, ip)
  if (permission.granted) {
    // Without a record the lease is made again: the client uses the address already, so nobody else does.
    const known = question.facts.leases.recordOf(asker)?.ip === ip
    return ack(question, network, ip, known ? 'it extends its lease' : 'it uses this address, which is free on record')
  }
  if (permission.conflict) return nak(question, ip, permission.reason)
  return silent(
    question,
    `wants to keep ${formatIpv4(ip)}`,
    `the address ${permission.reason}; another server may know it`,
  )
}

function ack(question: Question, network: Network, ip: Ipv4, why: string): OfferDecision {
  const { message, arrival, facts, client, mac } = question
  const before = facts.leases.at(ip)
  const goesOn = before?.state === 'bound' && before.client === client && before.expiresAt > facts.now
  const lease: Lease = {
    ip,
    network: network.name,
    client,
    mac,
    hostname: hostnameTold(question) ?? hostnameFor(question),
    state: 'bound',
    startedAt: goesOn ? before.startedAt : facts.now,
    expiresAt: facts.now + network.leaseSeconds * 1000,
  }
  const told = tellBoot(question)
  return decision(
    question,
    {
      outcome: 'ok',
      summary: `${whoAsks(question)} has the address ${formatIpv4(ip)}${told.summary}`,
      reason: `${why}${told.reason}`,
      detail: { address: formatIpv4(ip), network: network.name, leaseSeconds: network.leaseSeconds, ...told.detail },
    },
    {
      reply: buildReply(message, arrival, {
        type: 'ack',
        serverId: question.serverId,
        yiaddr: ip,
        ciaddr: message.ciaddr,
        lease: { network, leased: true, hostname: hostnameFor(question) },
        boot: told.boot,
      }),
      change: { kind: 'bind', lease },
      learn: ip,
      sighting: sighting(question, ip),
    },
  )
}

function nak(question: Question, ip: Ipv4, why: string): OfferDecision {
  const reason = `the address ${formatIpv4(ip)} ${why}`
  return decision(
    question,
    {
      outcome: 'refused',
      summary: `${whoAsks(question)} was refused the address ${formatIpv4(ip)} and has to start over`,
      reason,
      detail: { address: formatIpv4(ip) },
    },
    {
      reply: buildReply(question.message, question.arrival, {
        type: 'nak',
        serverId: question.serverId,
        message: reason,
      }),
    },
  )
}

/** RFC 2131 §4.3.3: something else answered for the address, so nobody gets it for a while. */
function decline(question: Question, networks: readonly Network[]): OfferDecision {
  const { message, facts, client, mac } = question
  const ip = getOption(message, OPTION.requestedAddress)
  const told = getOption(message, OPTION.serverIdentifier)
  if (ip === undefined) return silent(question, 'declined no address', 'A DECLINE names the address in option 50')
  if (told !== undefined && told !== question.serverId && !facts.isOurs(told))
    return silent(question, `declined ${formatIpv4(ip)} of another server`, `it is meant for ${formatIpv4(told)}`)
  const network = networks.find((each) => contains(each.subnet, ip))
  const permission = network && facts.leases.permit(askerOf(question, network), ip)
  // Otherwise one client could take the addresses of all others away.
  if (!network || !permission?.granted)
    return silent(
      question,
      `declined ${formatIpv4(ip)}`,
      `the address ${permission?.reason ?? 'is not in its network'}`,
    )
  return decision(
    question,
    {
      outcome: 'failed',
      summary: `${whoAsks(question)} declined ${formatIpv4(ip)}: something else uses that address`,
      reason: 'the address is given to nobody for an hour; find the device that uses it without a lease',
      detail: { address: formatIpv4(ip), network: network.name },
    },
    { change: { kind: 'decline', ip, network: network.name, client, mac } },
  )
}

/** RFC 2131 §4.3.4. */
function release(question: Question): OfferDecision {
  const { message, facts, client, mac } = question
  const ip = message.ciaddr
  const lease = facts.leases.at(ip)
  if (lease?.state !== 'bound' || (lease.client !== client && lease.mac !== mac))
    return silent(question, `gave ${formatIpv4(ip)} back`, 'the address is not leased to this client')
  return decision(
    question,
    {
      outcome: 'ok',
      summary: `${whoAsks(question)} gave the address ${formatIpv4(ip)} back`,
      reason: 'the address is free again and kept in mind for this client',
      detail: { address: formatIpv4(ip), network: lease.network },
    },
    { change: { kind: 'release', ip } },
  )
}

/** RFC 2131 §4.3.5: it has an address and wants the rest. */
function inform(question: Question, networks: readonly Network[]): OfferDecision {
  const { message, arrival } = question
  const ip = message.ciaddr || arrival.source.address
  const network = networks.find((each) => contains(each.subnet, ip))
  if (!network)
    return silent(question, `asked for options at ${formatIpv4(ip)}`, 'the address is of no network served here')
  const told = tellBoot(question)
  return decision(
    question,
    {
      outcome: 'ok',
      summary: `${whoAsks(question)} was told the options of network ${network.name}${told.summary}`,
      reason: `it has the address ${formatIpv4(ip)} already${told.reason}`,
      detail: { address: formatIpv4(ip), network: network.name, ...told.detail },
    },
    {
      reply: buildReply(message, arrival, {
        type: 'ack',
        serverId: question.serverId,
        ciaddr: message.ciaddr,
        // No lease time and no yiaddr: nothing is leased.
        lease: { network, leased: false, hostname: hostnameFor(question) },
        boot: told.boot,
      }),
      learn: ip,
      sighting: sighting(question, ip),
    },
  )
}

function silent(question: Question, what: string, reason: string): OfferDecision {
  return decision(question, {
    outcome: 'ignored',
    summary: `${whoAsks(question)} ${what} and got no answer`,
    reason,
  })
}

type Told = Readonly<{
  boot: ReplyParts['boot']
  summary: string
  reason: string
  detail: Readonly<Record<string, string>>
}>

const NOTHING_TOLD: Told = { boot: null, summary: '', reason: '', detail: {} }

/** What the reply says about booting, in the packet and in words. */
function tellBoot(question: Question): Told {
  const { request } = question
  const answer = bootAnswer(question)
  if (!request || !answer) return NOTHING_TOLD
  if (answer.file === null)
    return { boot: null, summary: ' without anything to boot', reason: `; ${answer.reason}`, detail: {} }
  return {
    boot: { answer, server: question.server, proxy: false, request },
    summary: ` and is told to boot ${answer.file}`,
    reason: `; ${answer.reason}`,
    detail: { file: answer.file, server: formatIpv4(question.server) },
  }
}

function askerOf({ client, mac }: Question, network: Network): Asker {
  return { network, client, mac }
}

function sighting(question: Question, ip: Ipv4 | null): OfferDecision['sighting'] {
  return question.request && mayBeSeen(question) ? sightingOf(question.request, question.mac, ip) : null
}

/** The host name a machine is to use: its own, else its name once somebody approved it. */
function hostnameFor({ machine }: Question): string | null {
  return machine ? (machine.hostname ?? (machine.state === 'discovered' ? null : machine.name)) : null
}

/** RFC 2132 §3.14, as far as it can be shown safely. */
function hostnameTold({ message }: Question): string | null {
  const name = getOption(message, OPTION.hostname)
  return name !== undefined && /^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$/.test(name) ? name : null
}

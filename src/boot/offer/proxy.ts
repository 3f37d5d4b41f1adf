import { formatIpv4, type Ipv4 } from '../../kit/ip.ts'
import { getOption, OPTION } from '../../protocols/dhcp/options.ts'
import { sightingOf } from './boot.ts'
import type { OfferDecision } from './facts.ts'
import { bootAnswer, decision, type Question, whoAsks } from './question.ts'
import { buildReply } from './reply.ts'

/** Beside another DHCP server: addresses are its business, ours is only what to boot. Also what port 4011 is for in any mode. */
export function decideProxy(question: Question): OfferDecision {
  const { type, request, arrival, message, facts, mac } = question
  if (!request)
    return decision(question, {
      outcome: 'ignored',
      summary: 'A client that does not ask for network boot was left to the other DHCP server',
      reason: 'in proxy mode only clients that ask what to boot are answered',
    })
  if (type === 'discover' && arrival.port === 67) return answer(question, 'offer', null)
  if (type === 'request' || type === 'inform') {
    const told = getOption(message, OPTION.serverIdentifier)
    const address = message.ciaddr || getOption(message, OPTION.requestedAddress) || arrival.source.address
    const forUs = arrival.port === 4011 || type === 'inform' || (told !== undefined && facts.isOurs(told))
    if (forUs) return answer(question, 'ack', address as Ipv4)
    if (told === undefined) return renewsElsewhere(question)
    return decision(
      question,
      {
        outcome: 'ok',
        summary: `${whoAsks(question)} took the address ${formatIpv4(address as Ipv4)} from the DHCP server ${formatIpv4(told)}`,
        reason: 'in proxy mode the other DHCP server gives the addresses',
        detail: { server: formatIpv4(told), address: formatIpv4(address as Ipv4) },
      },
      {
        learn: address as Ipv4,
        otherServer: told,
        sighting: mayBeSeen(question) ? sightingOf(request, mac, address as Ipv4) : null,
      },
    )
  }
  return decision(question, {
    outcome: 'ignored',
    summary: `${whoAsks(question)} sent ${type.toUpperCase()}, which concerns the other DHCP server`,
    reason: 'in proxy mode the other DHCP server gives the addresses',
  })
}

function answer(question: Question, type: 'offer' | 'ack', address: Ipv4 | null): OfferDecision {
  const { request, message, arrival, serverId, server, mac } = question
  const boot = bootAnswer(question)
  const sighting = request && mayBeSeen(question) ? sightingOf(request, mac, address) : null
  if (!request || !boot || boot.file === null)
    return decision(
      question,
      {
        outcome: 'ignored',
        summary: `${whoAsks(question)} asked what to boot and got no answer`,
        reason: boot?.reason ?? 'it did not ask what to boot',
      },
      { sighting, learn: address },
    )
  const reply = buildReply(message, arrival, {
    type,
    serverId,
    ciaddr: message.ciaddr,
    boot: { answer: boot, server, proxy: true, request },
  })
  return decision(
    question,
    {
      outcome: 'ok',
      summary: `${whoAsks(question)} was told to boot ${boot.file}`,
      reason: boot.reason,
      detail: { file: boot.file, server: formatIpv4(server) },
    },
    { reply, sighting, learn: address },
  )
}

function renewsElsewhere(question: Question): OfferDecision {
  return decision(question, {
    outcome: 'ignored',
    summary: `${whoAsks(question)} asked the other DHCP server for an address it had before`,
    reason: 'in proxy mode the other DHCP server gives the addresses',
  })
}

/** A machine that shall be ignored while it is unknown does not become known by being seen. */
export function mayBeSeen({ machine, facts }: Question): boolean {
  return machine !== undefined || facts.unknownMachines !== 'ignore'
}

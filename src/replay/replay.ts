import { decideTftp } from '../boot/loader/decide.ts'
import { findProgram } from '../boot/loader/programs.ts'
import { decideOffer } from '../boot/offer/decide.ts'
import type { Arrival, Attachment, OfferFacts } from '../boot/offer/facts.ts'
import type { Config } from '../config/schema.ts'
import { ManualClock } from '../kit/clock.ts'
import { DecodeError, Refusal } from '../kit/errors.ts'
import { broadcastOf, formatIpv4, formatSubnet, type Ipv4, ipv4, parseSubnet } from '../kit/ip.ts'
import type { Mac } from '../kit/mac.ts'
import type { Lease, LeaseRepository } from '../networks/lease.ts'
import { Leases } from '../networks/leases.ts'
import type { Network } from '../networks/network.ts'
import { planNetworks } from '../networks/plan.ts'
import type { DhcpMessage } from '../protocols/dhcp/message.ts'
import { getOption, messageType, OPTION } from '../protocols/dhcp/options.ts'
import { readCapture } from '../protocols/pcap/read.ts'
import { describeAnswer, type Recorded, readPacket, readSurroundings, type Surroundings } from './recorded.ts'

/** One packet of a capture: what it was and what Reveille would have done, and why. `at` is milliseconds since 1970. */
export type ReplayRecord = Readonly<{ at: number; summary: string; reason: string }>

/** More records help nobody; what comes after is left out and said so. */
const MOST_RECORDS = 100_000

/**
 * Runs the DHCP and TFTP packets of a capture (pcap or pcapng) through the decisions, as they would be taken with these
 * settings by a server without any registered machine. Nothing is sent or stored. A file that is no capture is a `Refusal`.
 */
export async function replay(file: Uint8Array, config: Config): Promise<ReplayRecord[]> {
  const { packets, note } = open(file)
  const recorded = packets.map(readPacket).filter((each) => each !== undefined)
  const first = recorded[0]
  if (!first) return note === null ? [] : [{ at: 0, summary: 'The capture ends early', reason: note }]
  const stage = await setUp(config, readSurroundings(recorded), first.at)
  const records: ReplayRecord[] = [stage.intro]
  for (const each of recorded) {
    if (records.length >= MOST_RECORDS) break
    stage.clock.advance(Math.max(0, Math.floor(each.at) - stage.clock.now()))
    records.push({ at: each.at, ...(await replayPacket(each, stage)) })
  }
  const last = recorded.at(-1)!
  if (recorded.length >= MOST_RECORDS)
    records.push({ at: last.at, summary: 'The rest is left out', reason: `only ${MOST_RECORDS} packets are shown` })
  if (note !== null) records.push({ at: last.at, summary: 'The capture ends early', reason: note })
  return records
}

function open(file: Uint8Array): ReturnType<typeof readCapture> {
  try {
    return readCapture(file)
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    throw new Refusal('validation-failed', error.message, { next: 'record one with: tcpdump -i INTERFACE -w FILE' })
  }
}

type Stage = Readonly<{
  intro: ReplayRecord
  clock: ManualClock
  leases: Leases
  on: Attachment
  facts: Omit<OfferFacts, 'now'>
}>
type Told = Readonly<{ summary: string; reason: string }>

/** A server on the recorded network: in the place of the recorded one, or beside it in proxy mode. */
async function setUp(config: Config, seen: Surroundings, at: number): Promise<Stage> {
  const mode = config.dhcp.mode === 'off' ? (seen.servers.length > 0 ? 'proxy' : 'server') : config.dhcp.mode
  const configured = config.networks.find(
    (each) => seen.subnet && formatSubnet(each.subnet) === formatSubnet(seen.subnet),
  )
  const network = configured ?? config.networks[0]
  const subnet = network?.subnet ?? seen.subnet ?? parseSubnet('10.0.0.0/24')!
  const recordedServer = seen.servers[0]
  const address =
    config.advertise ??
    (mode === 'server' && recordedServer !== undefined
      ? recordedServer
      : beside(subnet, [...seen.servers, ...seen.given.values()]))
  const on: Attachment = { name: network?.interface ?? 'capture', mac: '02:00:00:00:00:01' as Mac, address, subnet }
  const networks = networksFor(config, on)
  const clock = new ManualClock(Math.floor(at))
  const leases = await Leases.open({ repository: forgetful(former(seen, networks)), clock, networks })
  leases.exclude(address)
  const facts = {
    mode,
    networks,
    leases,
    machine: () => undefined,
    unknownMachines: config.unknownMachines,
    isOurs: (other: Ipv4) => other === address,
    advertise: config.advertise ?? null,
    httpPort: config.http.listen.port,
  } as const
  const place =
    mode === 'proxy'
      ? `beside ${recordedServer === undefined ? 'another DHCP server' : formatIpv4(recordedServer)}`
      : recordedServer === address
        ? `in the place of ${formatIpv4(address)}`
        : 'as the only DHCP server'
  const intro = {
    at,
    summary: `Replayed with dhcp.mode ${mode}, as ${formatIpv4(address)} in ${formatSubnet(subnet)}, ${place}`,
    reason:
      config.dhcp.mode === 'off'
        ? 'the settings have dhcp.mode off, so the mode that suits the capture was taken'
        : 'as the settings say; no machine is registered here',
  }
  return { intro, clock, leases, on, facts }
}

/** Without networks in the settings the whole recorded subnet is served: the recorded addresses lie anywhere in it. */
function networksFor(config: Config, on: Attachment): Network[] {
  const networks = planNetworks(config.networks, [on])
  if (config.networks.length > 0) return networks
  const ranges = [{ first: ipv4(on.subnet.base + 1), last: ipv4(broadcastOf(on.subnet) - 1) }]
  return networks.map((network) => ({ ...network, ranges }))
}

function beside(subnet: Attachment['subnet'], taken: readonly Ipv4[]): Ipv4 {
  for (let address = subnet.base + 1; address < broadcastOf(subnet); address++)
    if (!taken.includes(ipv4(address))) return ipv4(address)
  return ipv4(subnet.base + 1)
}

/** What the recorded server gave counts as given before, so that the replay gives the same where the settings allow it. */
function former({ given }: Surroundings, networks: readonly Network[]): Lease[] {
  const network = networks[0]
  if (!network) return []
  return [...given].map(([mac, ip]) => ({
    ip,
    network: network.name,
    client: mac,
    mac,
    hostname: null,
    state: 'released',
    startedAt: 0,
    expiresAt: 0,
  }))
}

function forgetful(leases: Lease[]): LeaseRepository {
  return { all: async () => leases, saveAll: async () => {}, removeAll: async () => {} }
}

async function replayPacket(recorded: Recorded, stage: Stage): Promise<Told> {
  const { datagram } = recorded
  const from = formatIpv4(datagram.source)
  switch (recorded.kind) {
    case 'malformed':
      return {
        summary: `${from} sent a malformed packet to port ${datagram.destinationPort}: it would be dropped`,
        reason: recorded.error,
      }
    case 'answer':
      return {
        summary: `In the capture ${serverOf(recorded.message, from)} answered ${macOf(recorded.message)}: ${describeAnswer(recorded.message)}`,
        reason: '',
      }
    case 'tftp': {
      const decision = decideTftp(recorded.request, from, findProgram())
      return decision.serve
        ? {
            summary: `${from} asked for ${recorded.request.filename} over TFTP: Reveille would send it`,
            reason: 'it is one of its boot programs',
          }
        : {
            summary: `${from} asked for ${recorded.request.filename} over TFTP: Reveille would refuse`,
            reason: decision.reason,
          }
    }
    case 'question':
      return replayQuestion(
        recorded.message,
        {
          on: stage.on,
          port: datagram.destinationPort === 4011 ? 4011 : 67,
          source: { address: datagram.source, port: datagram.sourcePort },
        },
        stage,
      )
  }
}

async function replayQuestion(message: DhcpMessage, arrival: Arrival, { clock, leases, facts }: Stage): Promise<Told> {
  const what = `${macOf(message)} sent ${messageType(message)?.toUpperCase() ?? 'plain BOOTP'}`
  try {
    const { event, change, reply } = decideOffer(message, arrival, { ...facts, now: clock.now() })
    if (change) await leases.apply(change)
    const verb = reply
      ? `Reveille would answer ${messageType(reply.message)?.toUpperCase()}`
      : 'Reveille would not answer'
    return { summary: `${what}: ${verb}: ${event.summary}`, reason: event.reason }
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    return { summary: `${what}: Reveille would drop it`, reason: error.message }
  }
}

function serverOf(message: DhcpMessage, source: string): string {
  const server = getOption(message, OPTION.serverIdentifier)
  return server === undefined ? source : formatIpv4(server)
}

function macOf(message: DhcpMessage): string {
  return Array.from(message.chaddr, (byte) => byte.toString(16).padStart(2, '0')).join(':')
}

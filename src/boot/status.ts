import type { Config } from '../config/schema.ts'
import type { TftpServer } from './loader/tftp.ts'
import type { OfferService } from './offer/serve.ts'

/** One thing that answers machines or people, for `reveille status` and readiness. */
export type Listener = {
  service: string
  where: string
  state: 'listening' | 'waiting' | 'failed' | 'off'
  reason: string | null
}

/** What listens where, and what does not although it was asked to. */
export function listeners(config: Config, offers: readonly OfferService[], tftp: TftpServer | undefined): Listener[] {
  const { listen, adminListen } = config.http
  const at = ({ host, port }: { host: string; port: number }) => `${host}:${port}`
  const dhcp = offers.flatMap((offer) => offer.status())
  return [
    {
      service: adminListen ? 'boot over HTTP' : 'console, API and boot over HTTP',
      where: at(listen),
      state: 'listening',
      reason: null,
    },
    ...(adminListen
      ? [{ service: 'console and API', where: at(adminListen), state: 'listening' as const, reason: null }]
      : []),
    ...(dhcp.length > 0 ? dhcp : [{ service: 'DHCP', where: '', state: 'off' as const, reason: 'dhcp.mode is off' }]),
    tftpListener(config, tftp),
  ]
}

function tftpListener(config: Config, tftp: TftpServer | undefined): Listener {
  const { host, port } = config.tftp.listen
  const where = `${host}:${port}`
  if (!tftp) return { service: 'TFTP', where, state: 'off', reason: 'tftp.enabled is false, or dhcp.mode is off' }
  const listening = tftp.status().listening.length > 0
  return {
    service: 'TFTP',
    where,
    state: listening ? 'listening' : 'waiting',
    reason: listening ? null : 'no address to listen on yet',
  }
}

/** What volumes are served on; `off` says why they are not. */
export function diskListener({ listen: { host, port }, engine }: Config['iscsi'], off: string | null): Listener {
  const where = `${host}:${port}`
  const service = `iSCSI (${engine})`
  return { service, where, state: off === null ? 'listening' : 'off', reason: off }
}

/** Numbers for `/metrics`, by name. */
export function counters(offers: readonly OfferService[], tftp: TftpServer | undefined): Record<string, number> {
  const numbers: Record<string, number> = {}
  for (const offer of offers)
    for (const [name, value] of Object.entries(offer.counters())) {
      const key = `dhcp_${name}_total`
      numbers[key] = (numbers[key] ?? 0) + value
    }
  if (tftp) {
    const { transfers, completed, probes, failed, refused, dropped, bytes } = tftp.status()
    numbers.tftp_transfers = transfers
    for (const [name, value] of Object.entries({ completed, probes, failed, refused, dropped, bytes }))
      numbers[`tftp_${name}_total`] = value
  }
  return numbers
}

/** Why machines cannot be answered now, one sentence for each listener that should answer and does not. */
export function unready(all: readonly Listener[]): string[] {
  return all
    .filter(({ state }) => state === 'waiting' || state === 'failed')
    .map(
      ({ service, where, reason }) => `${service} on ${where} does not answer yet: ${reason ?? 'no reason is known'}`,
    )
}

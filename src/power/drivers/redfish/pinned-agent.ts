import { createHash } from 'node:crypto'
import { Agent } from 'node:https'
import { isIP } from 'node:net'
import { type ConnectionOptions, connect } from 'node:tls'

/** The certificate is another one than was pinned, or none is pinned and it is not valid. */
export class WrongCertificate extends Error {}

/** How long TLS may take to be agreed on, in ms. */
const HANDSHAKE_MS = 15_000

/**
 * Connections over TLS that carry nothing before the certificate is known to be right: exactly the pinned one (SHA-256 of its DER,
 * as `SHA256:` and base64), or without a pin a valid chain for the host's name. At most `sockets` at a time.
 */
export function pinnedAgent(fingerprint: string | null, sockets: number): Agent {
  const agent = new Agent({ keepAlive: true, maxSockets: sockets, timeout: 30_000 })
  // Sessions are not resumed: each connection shows its certificate.
  agent.createConnection = (options, done) => {
    const { host, port } = options as { host?: string; port?: number }
    const tls: ConnectionOptions = {
      host,
      port,
      // Looked at below, so that a certificate that is refused can be shown.
      rejectUnauthorized: false,
      ...(host !== undefined && isIP(host) === 0 ? { servername: host } : {}),
    }
    const socket = connect(tls)
    const failed = (error: Error) => {
      socket.destroy()
      done?.(error, socket)
    }
    const timer = setTimeout(() => failed(new Error('TLS was not agreed on in time')), HANDSHAKE_MS)
    socket.once('error', (error) => {
      clearTimeout(timer)
      failed(error)
    })
    socket.once('close', () => clearTimeout(timer))
    socket.once('secureConnect', () => {
      clearTimeout(timer)
      const shown = fingerprintOf(socket.getPeerX509Certificate()?.raw)
      if (fingerprint !== null && shown !== fingerprint)
        return failed(new WrongCertificate(`it shows the certificate ${shown}, but ${fingerprint} is expected`))
      if (fingerprint === null && !socket.authorized)
        return failed(new WrongCertificate(`its certificate ${shown} is not valid (${socket.authorizationError})`))
      socket.removeListener('error', failed)
      done?.(null, socket)
    })
    return undefined
  }
  return agent
}

export function fingerprintOf(der: Uint8Array | undefined): string {
  if (der === undefined) return 'none'
  return `SHA256:${createHash('sha256').update(der).digest('base64').replace(/=+$/, '')}`
}

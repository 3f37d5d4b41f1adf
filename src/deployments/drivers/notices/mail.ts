import { createTransport } from 'nodemailer'
import type { Secret } from '../../../kit/secret.ts'

/** The mail server of the settings `notify.smtp`. */
export type MailServer = Readonly<{
  host: string
  port: number
  tls: 'starttls' | 'tls' | 'none'
  user?: string | undefined
  password?: Secret | undefined
  from: string
}>

const TIMEOUT_MS = 20_000

/** Sends one e-mail. With `starttls` and `tls` nothing is said in the clear: a server without encryption is an error. */
export async function sendMail(
  server: MailServer,
  mail: Readonly<{ to: string; subject: string; text: string }>,
): Promise<void> {
  const transport = createTransport({
    host: server.host,
    port: server.port,
    secure: server.tls === 'tls',
    requireTLS: server.tls === 'starttls',
    ignoreTLS: server.tls === 'none',
    connectionTimeout: TIMEOUT_MS,
    greetingTimeout: TIMEOUT_MS,
    socketTimeout: TIMEOUT_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
    ...(server.user === undefined ? {} : { auth: { user: server.user, pass: server.password?.reveal() ?? '' } }),
  })
  try {
    await transport.sendMail({ from: server.from, ...mail })
  } finally {
    transport.close()
  }
}

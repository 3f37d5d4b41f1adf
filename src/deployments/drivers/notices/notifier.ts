import type { Clock } from '../../../kit/clock.ts'
import type { Secret } from '../../../kit/secret.ts'
import { type Notice, type Notifier, noticeBody, noticeText } from '../../notice.ts'
import { type MailServer, sendMail } from './mail.ts'
import { sendWebhook, WebhookFailure } from './webhook.ts'

/** How long is waited before each further try, in milliseconds: half an hour in all. */
const WAITS_MS = [2000, 10_000, 60_000, 300_000, 1_500_000]

type Dependencies = Readonly<{
  secret: Secret | undefined
  mail: MailServer | undefined
  clock: Clock
  sleep: (ms: number) => Promise<void>
  mayCall?: ((address: string) => boolean) | undefined
}>

type Said = Readonly<{ level: 'info' | 'warn'; text: string }>

/** Tells by webhook and e-mail, at least once when the other side answers within half an hour. */
export class WebAndMailNotifier implements Notifier {
  readonly #with: Dependencies

  constructor(dependencies: Dependencies) {
    this.#with = dependencies
  }

  async tell(notice: Notice): Promise<readonly Said[]> {
    const { webhook, email } = notice.deployment.notify
    const { mail } = this.#with
    const told: Promise<Said>[] = []
    // Paths and queries of webhooks are often their password.
    if (webhook !== null)
      told.push(
        this.#tried(`the webhook at ${URL.parse(webhook)?.host ?? 'an unreadable address'}`, () =>
          sendWebhook(webhook, noticeBody(notice), this.#with),
        ),
      )
    if (email !== null && !mail)
      told.push(Promise.resolve({ level: 'warn', text: `${email} was not told: no mail server is set (notify.smtp)` }))
    if (email !== null && mail)
      told.push(this.#tried(email, () => sendMail(mail, { to: email, ...noticeText(notice) })))
    return Promise.all(told)
  }

  async #tried(whom: string, send: () => Promise<void>): Promise<Said> {
    for (let attempt = 0; ; attempt++) {
      try {
        await send()
        return { level: 'info', text: `${whom} was told` }
      } catch (error) {
        const wait = WAITS_MS[attempt]
        if (wait === undefined || (error instanceof WebhookFailure && error.lasting))
          return { level: 'warn', text: `${whom} could not be told: ${plainly(error)}` }
        await this.#with.sleep(wait)
      }
    }
  }
}

/** Only what cannot hold a secret: a mail server's answer may repeat what it was sent. */
function plainly(error: unknown): string {
  if (error instanceof WebhookFailure) return error.message
  const { code, responseCode } = error as { code?: unknown; responseCode?: unknown }
  const told = [code, responseCode].filter((each) => typeof each === 'string' || typeof each === 'number')
  return told.length === 0 ? 'the mail server could not be used' : `the mail server said ${told.join(' ')}`
}

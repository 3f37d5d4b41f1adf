import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { Refusal } from '../../kit/errors.ts'
import { Secret } from '../../kit/secret.ts'
import type { GuestSealer } from '../guest.ts'

const NONCE_BYTES = 12
const TAG_BYTES = 16
const VERSION = '1'

/** AES-256-GCM (NIST SP 800-38D) with a key that is kept outside the database. The machine's id is bound to what is sealed. */
export function guestSealer(key: Uint8Array): GuestSealer {
  return {
    seal(machine, { password, privateKey }) {
      const nonce = randomBytes(NONCE_BYTES)
      const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
      cipher.setAAD(Buffer.from(`guest-access ${VERSION} ${machine}`))
      const text = JSON.stringify({ password: password?.reveal() ?? null, privateKey: privateKey?.reveal() ?? null })
      const sealed = Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()])
      return `${VERSION}.${sealed.toString('base64')}`
    },
    open(machine, text) {
      const [version, encoded = ''] = text.split('.', 2)
      const sealed = Buffer.from(encoded, 'base64')
      try {
        if (version !== VERSION || sealed.length < NONCE_BYTES + TAG_BYTES) throw new Error('not ours')
        const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, NONCE_BYTES), {
          authTagLength: TAG_BYTES,
        })
        decipher.setAAD(Buffer.from(`guest-access ${VERSION} ${machine}`))
        decipher.setAuthTag(sealed.subarray(-TAG_BYTES))
        const plain = Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()])
        const { password, privateKey } = JSON.parse(plain.toString('utf8')) as Record<string, string | null>
        return { password: secret(password), privateKey: secret(privateKey) }
      } catch {
        throw new Refusal(
          'corrupt',
          'the secrets of this access cannot be opened: DATADIR/guest-key is not what it was',
          {
            next: 'put the file back, or set the access again',
          },
        )
      }
    },
  }
}

const secret = (text: string | null | undefined) => (typeof text === 'string' ? new Secret(text) : null)

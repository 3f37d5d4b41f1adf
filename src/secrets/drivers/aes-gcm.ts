import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { Refusal } from '../../kit/errors.ts'
import type { Sealer } from '../sealer.ts'

const NONCE_BYTES = 12
const TAG_BYTES = 16
const VERSION = '1'

/** AES-256-GCM (NIST SP 800-38D); the context is bound as additional data. `keyName`: the file of the key, for who must look for it. */
export function aesGcmSealer(key: Uint8Array, keyName: string): Sealer {
  return {
    seal(context, text) {
      const nonce = randomBytes(NONCE_BYTES)
      const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
      cipher.setAAD(Buffer.from(context))
      const sealed = Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()])
      return `${VERSION}.${sealed.toString('base64')}`
    },
    open(context, text) {
      const [version, encoded = ''] = text.split('.', 2)
      const sealed = Buffer.from(encoded, 'base64')
      try {
        if (version !== VERSION || sealed.length < NONCE_BYTES + TAG_BYTES) throw new Error('not ours')
        const nonce = sealed.subarray(0, NONCE_BYTES)
        const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
        decipher.setAAD(Buffer.from(context))
        decipher.setAuthTag(sealed.subarray(-TAG_BYTES))
        const plain = Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()])
        return plain.toString('utf8')
      } catch {
        throw new Refusal('corrupt', `these secrets cannot be opened: DATADIR/${keyName} is not what it was`, {
          next: 'put the file back, or give the secrets again',
        })
      }
    },
  }
}

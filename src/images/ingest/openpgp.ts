import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Refusal } from '../../kit/errors.ts'

const GPGV_MS = 600_000
const ARMOUR = /-----BEGIN PGP ([A-Z ]+)-----\r?\n([\s\S]*?)-----END PGP \1-----/g

/**
 * The binary packets in ASCII armour (RFC 9580 §6.2), all blocks one after another; what has no armour is returned as it is. The CRC-24 at the
 * end of a block is not needed: a damaged key or signature verifies nothing.
 */
export function dearmour(armoured: Uint8Array): Uint8Array {
  const text = Buffer.from(armoured).toString('latin1')
  const blocks = [...text.matchAll(ARMOUR)].map(([, , block = '']) => {
    // Headers, then an empty line, then base64; a line that starts with = is the CRC.
    const [, body = ''] = /^(?:[^\n]*: ?[^\n]*\n)*\s*\n?([\s\S]*)$/.exec(block) ?? []
    const lines = body.split(/\r?\n/).filter((line) => !line.startsWith('='))
    return Buffer.from(lines.join(''), 'base64')
  })
  return blocks.length > 0 ? Buffer.concat(blocks) : armoured
}

/**
 * Checks a detached signature of a file with these keys and no others, by `gpgv`; no key server is asked. Returns the fingerprint of the
 * key that signed; refuses (`checksum-mismatch`) whatever is not a good signature of a key that is valid now, saying why.
 */
export async function checkSignature(
  path: string,
  { signature, key, what }: Readonly<{ signature: Uint8Array; key: string; what: string }>,
): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'reveille-signature-'))
  try {
    const keyring = join(directory, 'keys.gpg')
    const detached = join(directory, 'signature.sig')
    await writeFile(keyring, dearmour(Buffer.from(key)))
    await writeFile(detached, dearmour(signature))
    const said = await gpgv(['--status-fd', '1', '--homedir', directory, '--keyring', keyring, detached, path])
    const status = said.out.split('\n').filter((line) => line.startsWith('[GNUPG:] '))
    const found = (word: string) => status.find((line) => line.startsWith(`[GNUPG:] ${word} `))?.split(' ')
    const valid = found('VALIDSIG')
    // GOODSIG alone means that the key has neither expired nor been revoked.
    if (said.code === 0 && valid?.[2] && found('GOODSIG')) return valid[2]
    const reason = found('BADSIG')
      ? 'the signature is of other bytes'
      : found('NO_PUBKEY')
        ? `it was signed with the key ${found('NO_PUBKEY')![2]}, which is not the one given`
        : found('EXPKEYSIG')
          ? `the key ${found('EXPKEYSIG')![2]} has expired`
          : found('REVKEYSIG')
            ? `the key ${found('REVKEYSIG')![2]} was revoked`
            : found('EXPSIG')
              ? 'the signature has expired'
              : `gpgv says: ${said.err.trim().slice(0, 500) || `status ${said.code}`}`
    throw new Refusal('checksum-mismatch', `the signature of ${what} is not good: ${reason}`, {
      next: 'check the key and the address of the signature; nothing was kept',
    })
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

function gpgv(args: readonly string[]): Promise<{ code: number | null; out: string; err: string }> {
  return new Promise((resolve, reject) => {
    const env = { PATH: process.env.PATH, LC_ALL: 'C' }
    const child = spawn('gpgv', args, { stdio: ['ignore', 'pipe', 'pipe'], env, timeout: GPGV_MS })
    let [out, err] = ['', '']
    child.stdout.on('data', (text) => {
      out = (out + text).slice(0, 65_536)
    })
    child.stderr.on('data', (text) => {
      err = (err + text).slice(0, 65_536)
    })
    child.once('error', (error) =>
      reject(new Refusal('not-available', `gpgv cannot be started (${error.message})`, { next: 'install gpgv' })),
    )
    child.once('close', (code) => resolve({ code, out, err }))
  })
}

import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { newNonce } from './talk.ts'

/**
 * The nonce of this boot. It is kept in memory's file system, because the server answers one nonce for each boot and an agent that
 * crashed is started again in the same boot.
 */
export async function bootNonce(path = '/run/reveille/nonce'): Promise<string> {
  const kept = (await readFile(path, 'utf8').catch(() => '')).trim()
  if (/^[0-9a-f]{32}$/.test(kept)) return kept
  const nonce = newNonce()
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  await writeFile(path, `${nonce}\n`, { mode: 0o600 })
  return nonce
}

import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import type { ApiClient } from '../api/client/client.ts'
import { ApiProblem } from '../api/client/problem.ts'
import { formatOf } from './disk-source.ts'
import { WrongUse } from './failure.ts'
import type { Progress } from './progress.ts'

export type FileToUpload = Readonly<{ role: 'kernel' | 'initrd' | 'iso' | 'wim'; path: string }>
export type UploadedFile = Readonly<{ role: FileToUpload['role']; name: string; sha256: string }>

const HASH_READ = 1024 * 1024

async function hashFile(path: string, onProgress: (read: number) => void): Promise<string> {
  const hash = createHash('sha256')
  let read = 0
  for await (const piece of createReadStream(path, { highWaterMark: HASH_READ })) {
    const chunk = piece as Buffer
    hash.update(chunk)
    read += chunk.length
    onProgress(read)
  }
  return hash.digest('hex')
}

/** A name that the server takes: what it does not allow becomes a hyphen; equal names get a number. */
export function fileNames(paths: readonly string[]): string[] {
  const taken = new Set<string>()
  return paths.map((path) => {
    const plain =
      basename(path)
        .replace(/[^A-Za-z0-9._+-]/g, '-')
        .replace(/^[^A-Za-z0-9]+/, '')
        .slice(0, 90) || 'file'
    let name = plain
    for (let number = 2; taken.has(name); number++) name = `${number}-${plain}`
    taken.add(name)
    return name
  })
}

async function isThere(client: ApiClient, sha256: string): Promise<boolean> {
  try {
    await client.hasUpload({ params: { sha256 } })
    return true
  } catch (error) {
    if (error instanceof ApiProblem && error.status === 404) return false
    throw error
  }
}

/** Hashes every file first, then sends only those whose bytes the server lacks. */
export async function uploadFiles(
  client: ApiClient,
  files: readonly FileToUpload[],
  progress: Progress,
): Promise<UploadedFile[]> {
  const names = fileNames(files.map(({ path }) => path))
  const known: (UploadedFile & { path: string; bytes: number })[] = []
  for (const [index, { role, path }] of files.entries()) {
    const { size } = await stat(path)
    const bar = progress.begin(`hash ${names[index]}`, size)
    const sha256 = await hashFile(path, (read) => bar.at(read))
    bar.end()
    known.push({ role, name: names[index]!, sha256, path, bytes: size })
  }
  const sent = new Set<string>()
  for (const { name, sha256, path, bytes } of known) {
    if (sent.has(sha256) || (await isThere(client, sha256))) {
      progress.note(`${name} is on the server already`)
      continue
    }
    const bar = progress.begin(`send ${name}`, bytes)
    const content = createReadStream(path, { highWaterMark: HASH_READ })
    await client.putUpload({ params: { sha256 }, body: { content, bytes, onProgress: (count) => bar.at(count) } })
    bar.end()
    sent.add(sha256)
  }
  return known.map(({ role, name, sha256 }) => ({ role, name, sha256 }))
}

/**
 * What a file is by its first bytes; `undefined` when they say nothing. An ISO (ECMA-119 §8.1.2) has `CD001` from the second byte of
 * sector 16 on; a WIM begins with `MSWIM`; a disk has the signature of an MBR, is qcow2, or is packed, as only disks are.
 */
export async function kindOf(path: string): Promise<'iso' | 'wim' | 'disk' | undefined> {
  const file = await open(path)
  try {
    const stat = await file.stat()
    if (stat.isDirectory()) throw new WrongUse(`${path} is a directory`)
    if (!stat.isFile()) return undefined
    const start = Buffer.alloc(512)
    const { bytesRead } = await file.read(start, 0, start.length, 0)
    const mark = Buffer.alloc(5)
    await file.read(mark, 0, 5, 16 * 2048 + 1)
    if (mark.toString('latin1') === 'CD001') return 'iso'
    if (start.toString('latin1', 0, 8) === 'MSWIM\0\0\0') return 'wim'
    const signed = bytesRead === 512 && start.readUInt16LE(510) === 0xaa55
    return signed || formatOf(start.subarray(0, bytesRead)) !== 'raw' ? 'disk' : undefined
  } finally {
    await file.close()
  }
}

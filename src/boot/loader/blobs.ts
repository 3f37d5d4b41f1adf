import { open } from 'node:fs/promises'
import { DecodeError } from '../../kit/errors.ts'
import { readEfiProgram } from '../../protocols/pe/read.ts'
import { judgeKernel, type KernelFacts } from '../../protocols/pe/secure-boot.ts'
import type { FindOrMakeFile } from './file.ts'
import type { LoaderHttpDependencies } from './http.ts'

const BLOB = /^boot\/blob\/([0-9a-f]{64})\/([^/]{1,200})$/

/** Finds files of images for TFTP, under the names that they have over HTTP. A file of no image is not given away. */
export function findBlob({ blobs, describe }: Pick<LoaderHttpDependencies, 'blobs' | 'describe'>): FindOrMakeFile {
  return (name) => {
    const [, sha256, file] = BLOB.exec(name) ?? []
    const known = sha256 === undefined ? undefined : describe(sha256)
    if (sha256 === undefined || file === undefined || !known) return undefined
    const told = { name: file.replace(/[^\x20-\x7e]/g, '?'), ...known }
    return blobs.path(sha256).then((path) => (path === undefined ? undefined : { path, told }))
  }
}

/** Most kernels whose findings are kept. */
const MOST_KERNELS = 256

/** Finds out for which processors a kernel is and who signed it. Kernels never change, so each is read once. */
export function kernelInspector(blobs: Pick<LoaderHttpDependencies['blobs'], 'path'>) {
  const known = new Map<string, KernelFacts>()
  return async (sha256: string): Promise<KernelFacts | undefined> => {
    const found = known.get(sha256)
    if (found) return found
    const path = await blobs.path(sha256)
    if (path === undefined) return undefined
    const facts = await inspect(path)
    if (known.size >= MOST_KERNELS) known.delete(known.keys().next().value!)
    known.set(sha256, facts)
    return facts
  }
}

async function inspect(path: string): Promise<KernelFacts> {
  const file = await open(path, 'r')
  try {
    const { size } = await file.stat()
    const readAt = async (offset: number, length: number) => {
      const bytes = new Uint8Array(length)
      const { bytesRead } = await file.read(bytes, 0, length, offset)
      return bytes.subarray(0, bytesRead)
    }
    const program = await readEfiProgram(readAt, size)
    return { ...judgeKernel(program), machine: program?.machine ?? null }
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    return { verdict: 'refused', reason: `is damaged (${error.message})`, machine: null }
  } finally {
    await file.close()
  }
}

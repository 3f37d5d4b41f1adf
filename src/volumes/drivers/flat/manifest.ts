import { open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { absentAsUndefined, syncDirectory, writeWhole } from '../../../images/durable/files.ts'
import { Refusal } from '../../../kit/errors.ts'

const FILE = z.string().regex(/^[0-9a-f]{16}\.img$/)
const bytes = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER)
const manifest = z
  .object({
    format: z.literal(1),
    bytes,
    base: z
      .object({ image: z.string(), version: z.number(), chunks: z.string().regex(/^[0-9a-f]{64}$/), bytes })
      .strict()
      .nullable(),
    limitBytes: bytes.nullable(),
    /** The file with the current content. */
    disk: FILE,
    snapshots: z.array(z.object({ name: z.string(), file: FILE }).strict()).max(1000),
  })
  .strict()

/** What is known of a volume in its directory; its files are named in it. */
export type FlatManifest = Readonly<z.infer<typeof manifest>>

export async function readFlat(directory: string, id: string): Promise<FlatManifest> {
  const text = await absentAsUndefined(readFile(join(directory, 'manifest.json'), 'utf8'))
  if (text === undefined) throw new Refusal('not-found', `there are no bytes of a volume ${id}`)
  try {
    return manifest.parse(JSON.parse(text))
  } catch {
    throw new Refusal('corrupt', `the manifest of volume ${id} in ${directory} is damaged`, {
      next: 'restore it from a backup, or delete the volume',
    })
  }
}

/** Replaces it as a whole; durable when this is done. */
export async function writeFlat(directory: string, next: FlatManifest): Promise<void> {
  const temporary = join(directory, '.manifest.json')
  const file = await open(temporary, 'w', 0o600)
  try {
    await writeWhole(file, Buffer.from(`${JSON.stringify(next)}\n`))
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(temporary, join(directory, 'manifest.json'))
  await syncDirectory(directory)
}

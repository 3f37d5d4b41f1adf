import { randomBytes } from 'node:crypto'
import { open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { absentAsUndefined, syncDirectory, writeWhole } from '../../../images/durable/files.ts'
import { Refusal } from '../../../kit/errors.ts'

const MANIFEST = 'manifest.json'
const bytes = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER)
const layerId = z.string().regex(/^[0-9a-f]{16}$/)

const layer = z
  .object({
    id: layerId,
    /** Bytes of what lies below that are seen through this layer; `null`: all. So a volume that was shrunk and grows again reads zeros. */
    below: bytes.nullable(),
    /** Whether this volume wrote it; layers that came with a clone count for the other one. */
    own: z.boolean(),
    /** Blocks with data when it was frozen; of the topmost one the layer itself knows. */
    blocks: bytes,
  })
  .strict()

const manifest = z
  .object({
    format: z.literal(1),
    id: z.string(),
    bytes,
    /** The largest size it ever had, or its base: content may lie hidden up to there. */
    most: bytes,
    base: z
      .object({
        image: z.string(),
        version: z.number().int(),
        chunks: z.string().regex(/^[0-9a-f]{64}$/),
        bytes,
      })
      .strict()
      .nullable(),
    limitBytes: bytes.nullable(),
    layers: z.array(layer).min(1).max(1000),
    /** Layers of the current content, the one that is written last. */
    stack: z.array(layerId).min(1).max(250),
    /** `bytes`: the size of the volume then; behind it a snapshot reads as zeros. */
    snapshots: z.array(z.object({ name: z.string(), bytes, stack: z.array(layerId).max(250) }).strict()).max(1000),
  })
  .strict()

export type LayerEntry = Readonly<z.infer<typeof layer>>
/** What is known of a volume in its directory, apart from its bytes. Replaced as a whole, atomically. */
export type Manifest = Readonly<z.infer<typeof manifest>>

export function freshLayer(below: number | null = null): LayerEntry {
  return { id: randomBytes(8).toString('hex'), below, own: true, blocks: 0 }
}

/** The entries of a stack, the lowest first. */
export function entriesOf({ layers }: Manifest, stack: readonly string[]): LayerEntry[] {
  return stack.map((id) => layers.find((entry) => entry.id === id)!)
}

/** Leaves out layers that neither the stack nor a snapshot needs. */
export function pruned(from: Manifest): Manifest {
  const needed = new Set([...from.stack, ...from.snapshots.flatMap(({ stack }) => stack)])
  return { ...from, layers: from.layers.filter(({ id }) => needed.has(id)) }
}

export async function readManifest(directory: string, id: string): Promise<Manifest> {
  const text = await absentAsUndefined(readFile(join(directory, MANIFEST), 'utf8'))
  if (text === undefined) throw new Refusal('not-found', `there are no bytes of a volume ${id}`)
  const parsed = manifest.safeParse(jsonOf(text))
  const known = new Set(parsed.data?.layers.map((entry) => entry.id))
  const whole =
    parsed.success &&
    [parsed.data.stack, ...parsed.data.snapshots.map((s) => s.stack)].flat().every((l) => known.has(l))
  if (whole) return parsed.data
  throw new Refusal('corrupt', `the manifest of volume ${id} in ${directory} is damaged`, {
    next: 'restore it from a backup, or delete the volume',
  })
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Replaces the manifest; durable when this is done. */
export async function writeManifest(directory: string, next: Manifest): Promise<void> {
  const temporary = join(directory, `.${MANIFEST}`)
  const file = await open(temporary, 'w', 0o600)
  try {
    await writeWhole(file, Buffer.from(`${JSON.stringify(next)}\n`))
    await file.datasync()
  } finally {
    await file.close()
  }
  await rename(temporary, join(directory, MANIFEST))
  await syncDirectory(directory)
}

/** Writes the first manifest of a directory that nobody looks at yet. */
export async function writeNew(directory: string, first: Manifest): Promise<void> {
  const file = await open(join(directory, MANIFEST), 'wx', 0o600)
  try {
    await writeWhole(file, Buffer.from(`${JSON.stringify(first)}\n`))
    await file.sync()
  } finally {
    await file.close()
  }
}

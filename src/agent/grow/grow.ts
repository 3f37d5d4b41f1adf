import { readGpt } from '../../protocols/disk/describe.ts'
import { checkGpt, growLastPartition, layOutGpt, resizeGpt } from '../../protocols/disk/gpt.ts'
import { growLastMbrPartition } from '../../protocols/disk/mbr.ts'
import { type Disk, DiskError } from '../disk/disk.ts'
import { openDisk } from '../disk/open.ts'
import { whileMounted } from '../mounting/mounted.ts'
import { contentOf, type Place, placesOn } from '../mounting/partitions.ts'
import { runProgram } from '../program.ts'
import { type Around, TaskFailure } from '../task.ts'

/** What became of the end of the disk. `words`: one sentence for people. */
export type Growth = Readonly<{
  partition: number | null
  before: number
  after: number
  filesystem: string | null
  words: string
}>

const FSCK_SECONDS = 3600
const EXT = ['ext2', 'ext3', 'ext4']
/** What grows here, and what its owner grows from inside. */
const GROWABLE = [...EXT, 'xfs', 'btrfs']
const CONTAINERS = ['crypto_LUKS', 'LVM2_member']

/**
 * Lets the last partition and its filesystem use the whole disk, and moves the backup of a GPT to its end. Safe to be cut off at any
 * moment and to be done again: the disk boots before and after each step. A `TaskFailure` when the disk fails or a filesystem is
 * damaged; what cannot grow is told in `words`.
 */
export async function growDisk(path: string, around: Pick<Around, 'log'>): Promise<Growth> {
  try {
    return await grow(path, around)
  } catch (error) {
    if (error instanceof TaskFailure || !(error instanceof Error)) throw error
    const advice = error instanceof DiskError ? `. ${error.advice}` : ''
    throw new TaskFailure(`The image is on ${path}, but its last partition could not grow: ${error.message}${advice}`)
  }
}

async function grow(path: string, { log }: Pick<Around, 'log'>): Promise<Growth> {
  const before = await contentOf(path)
  const { last, type, grows } = await growTable(path, before)
  const place = (await placesOn(path)).find(({ number }) => number === (last?.number ?? 0))
  const figures = { partition: last?.number ?? null, before: last?.bytes ?? before.bytes, after: place?.bytes ?? 0 }
  const name = last ? `partition ${last.number}` : 'the disk'
  if (!place || !type || !grows)
    return {
      ...figures,
      filesystem: type,
      words: `Nothing was grown: ${name} holds ${type ?? 'nothing that is known'}`,
    }
  if (CONTAINERS.includes(type))
    return { ...figures, filesystem: type, words: `${name} was grown; what is inside of its ${type} was not` }
  await growFilesystem(place, type)
  log('info', `grew ${name} with its ${type} to ${place.bytes} bytes`)
  return { ...figures, filesystem: type, words: `Grew ${name} with its ${type} to ${place.bytes} bytes` }
}

type Content = Awaited<ReturnType<typeof contentOf>>

/** The table alone: its backup to the end of the disk and, if what is in it can grow, the last partition over what is free. */
export async function growTable(path: string, before: Content) {
  const last = before.partitions.toSorted((a, b) => a.startBytes - b.startBytes).at(-1)
  const type = (last ?? before).filesystem?.type ?? null
  const grows = type !== null && [...GROWABLE, ...CONTAINERS].includes(type)
  if (before.table === null) return { last, type, grows }
  const disk = await openDisk(path, { write: true })
  try {
    if (before.table === 'gpt') await growGpt(disk, grows)
    else if (grows) await growMbr(disk)
    await disk.forget()
  } finally {
    await disk.close()
  }
  return { last, type, grows }
}

async function growGpt(disk: Disk, grows: boolean): Promise<void> {
  const read = async (offset: number, length: number) => {
    const bytes = new Uint8Array(length)
    await disk.read(offset, bytes)
    return bytes
  }
  const found = await readGpt(read, disk.bytes)
  const problems = found ? checkGpt(found, disk.bytes) : ['it cannot be read']
  if (!found || problems.length > 0)
    throw new Error(`the partition table of ${disk.name} is damaged: ${problems.join(', ')}`)
  const moved = resizeGpt(found, disk.bytes)
  const gpt = (grows ? growLastPartition(moved)?.gpt : undefined) ?? moved
  for (const { offset, bytes } of layOutGpt(gpt, disk.bytes, await read(0, gpt.blockBytes))) {
    await disk.write(offset, bytes)
    await disk.flush()
  }
}

async function growMbr(disk: Disk): Promise<void> {
  const block = new Uint8Array(512)
  await disk.read(0, block)
  const grown = growLastMbrPartition(block, disk.bytes)
  if (!grown) return
  await disk.write(0, grown)
  await disk.flush()
}

/** ext4 must be checked before it grows unmounted; the others grow while they are mounted. */
async function growFilesystem({ path }: Place, type: string): Promise<void> {
  if (EXT.includes(type)) {
    // 1: errors were corrected; 2: and the machine should restart, which matters for a mounted one only.
    await runProgram('e2fsck', ['-f', '-p', path], { seconds: FSCK_SECONDS, good: [0, 1, 2] })
    await runProgram('resize2fs', [path], { seconds: FSCK_SECONDS })
  } else if (type === 'xfs')
    await whileMounted({ path, type, write: true }, (folder) => runProgram('xfs_growfs', [folder], { seconds: 600 }))
  else
    await whileMounted({ path, type, write: true }, (folder) =>
      runProgram('btrfs', ['filesystem', 'resize', 'max', folder], { seconds: 600 }),
    )
}

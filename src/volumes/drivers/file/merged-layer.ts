import { closeSync, openSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { syncDirectory } from '../../../images/durable/files.ts'
import { CHUNK_BYTES } from '../../../protocols/chunks/list.ts'
import { dataSync, readLater, writeAll, writePartsLater } from './descriptors.ts'
import { FrozenLayer } from './frozen-layer.ts'
import { freshLayer, type LayerEntry } from './manifest.ts'
import { encodeMapHeader, MAP_HEADER_BYTES } from './map-file.ts'
import { BLOCK_BYTES, CHUNK_BLOCKS, DATA, PAGE_BYTES, setStates, stateOf } from './map-page.ts'

/** What is copied at once. */
const MOST_BLOCKS = 256
/** The disk is not asked to keep more than this at once, nor whoever stops it to wait longer. */
const BLOCKS_FOR_A_SYNC = 16_384
/** Chunks without anything that are looked at before others have their turn. */
const CHUNKS_AT_ONCE = 128

/**
 * Writes what frozen layers, the lowest first, are together as a new layer beside them, durable, named by no manifest yet. `undefined`:
 * it was told to stop. What a killed process leaves of it is swept away when the volume is opened.
 */
export async function writeMerged(
  directory: string,
  layers: readonly LayerEntry[],
  stopped: () => boolean,
): Promise<LayerEntry | undefined> {
  const { id, below } = freshLayer(layers[0]!.below)
  const sources: FrozenLayer[] = []
  const made: number[] = []
  try {
    for (const layer of layers) sources.push(new FrozenLayer(directory, layer))
    for (const kind of ['data', 'map']) made.push(openSync(join(directory, `${id}.${kind}`), 'wx', 0o600))
    const [data, map] = made as [number, number]
    const chunks = Math.max(...sources.map((source) => source.mappedChunks()))
    let blocks = 0
    let synced = 0
    for (let chunk = 0; chunk < chunks; chunk++) {
      if (chunk % CHUNKS_AT_ONCE === 0) await new Promise(setImmediate)
      if (stopped()) return await removeMerged(directory, id)
      const merged = pageOf(sources, chunk)
      if (!merged) continue
      writeAll(map, merged.page, MAP_HEADER_BYTES + chunk * PAGE_BYTES)
      blocks += await copyBlocks(sources, merged.from, data, chunk)
      if (blocks - synced >= BLOCKS_FOR_A_SYNC) {
        await dataSync(data)
        synced = blocks
      }
    }
    writeAll(map, encodeMapHeader({ layer: id, boot: '', blocks }), 0)
    await dataSync(data)
    await dataSync(map)
    await syncDirectory(directory)
    return stopped() ? await removeMerged(directory, id) : { id, below, own: layers[0]!.own, blocks }
  } catch (error) {
    await removeMerged(directory, id)
    throw error
  } finally {
    for (const fd of made) closeSync(fd)
    for (const source of sources) source.close()
  }
}

export async function removeMerged(directory: string, id: string): Promise<undefined> {
  for (const kind of ['data', 'map']) await rm(join(directory, `${id}.${kind}`), { force: true })
}

/** What the layers say of a chunk together, and which of them has the data of each block, counted from 1. */
function pageOf(sources: readonly FrozenLayer[], chunk: number): { page: Uint8Array; from: Uint8Array } | undefined {
  const pages = sources.map((source) => source.page(chunk))
  if (pages.every((page) => page === undefined)) return undefined
  const page = new Uint8Array(PAGE_BYTES)
  const from = new Uint8Array(CHUNK_BLOCKS)
  for (const [i, said] of pages.entries()) {
    if (!said) continue
    for (let block = 0; block < CHUNK_BLOCKS; block++) {
      const state = stateOf(said, block)
      if (state === 0) continue
      setStates(page, block, block + 1, state)
      from[block] = state === DATA ? i + 1 : 0
    }
  }
  return { page, from }
}

/** How many blocks they were. */
async function copyBlocks(
  sources: readonly FrozenLayer[],
  from: Uint8Array,
  into: number,
  chunk: number,
): Promise<number> {
  let copied = 0
  for (let block = 0; block < CHUNK_BLOCKS; ) {
    const source = from[block]!
    let end = block + 1
    while (end < CHUNK_BLOCKS && end - block < MOST_BLOCKS && from[end] === source) end++
    if (source > 0) {
      const bytes = new Uint8Array((end - block) * BLOCK_BYTES)
      const at = chunk * CHUNK_BYTES + block * BLOCK_BYTES
      await readLater(sources[source - 1]!.data, bytes, at)
      await writePartsLater(into, [bytes], at, bytes.length)
      copied += end - block
    }
    block = end
  }
  return copied
}

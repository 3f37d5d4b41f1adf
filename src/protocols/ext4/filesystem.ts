import { DecodeError } from '../../kit/errors.ts'
import { changedInode, EXTENTS, type Inode, parseInode, UNEDITABLE } from './inode.ts'
import { parseSuperblock, SUPERBLOCK_AT, SUPERBLOCK_BYTES, type Superblock } from './superblock.ts'

/** Gives exactly `length` bytes from `offset` of the filesystem. */
export type ReadBytes = (offset: number, length: number) => Promise<Uint8Array>
/** Bytes to be written at a place of the filesystem, whole blocks. */
export type BlockWrite = Readonly<{ offset: number; bytes: Uint8Array }>

const ROOT = 2
/** The largest file that is read, and the largest directory that is searched. */
const MOST_FILE_BYTES = 1024 * 1024
const MOST_DIRECTORY_BYTES = 16 * 1024 * 1024
const MOST_EXTENT_DEPTH = 5
const MOST_EXTENT_BLOCKS = 1024
const EXTENT_MAGIC = 0xf30a
const DIRECT_BLOCKS = 12

/**
 * Finds one file by its path in an ext2, ext3 or ext4, and tells how to change it in the blocks that it has. Nothing else of the filesystem
 * changes, so that no bitmap, directory or journal is written. Throws a `DecodeError` for what is damaged or not understood; what a guest
 * wrote there is foreign input, and all reading is bounded.
 */
export class Ext4 {
  readonly superblock: Superblock
  readonly #read: ReadBytes
  readonly #bytes: number

  private constructor(read: ReadBytes, superblock: Superblock) {
    this.#read = read
    this.superblock = superblock
    this.#bytes = superblock.blocks * superblock.blockBytes
  }

  /** `undefined`: there is no such filesystem. `bytes`: how many there are to read. */
  static async open(read: ReadBytes, bytes: number): Promise<Ext4 | undefined> {
    if (bytes < SUPERBLOCK_AT + SUPERBLOCK_BYTES) return undefined
    const superblock = parseSuperblock(await read(SUPERBLOCK_AT, SUPERBLOCK_BYTES))
    if (superblock && superblock.blocks * superblock.blockBytes > bytes)
      throw new DecodeError('the filesystem is larger than what it lies on')
    return superblock && new Ext4(read, superblock)
  }

  /** `undefined`: there is no such file. Links are not followed. */
  async find(path: readonly string[]): Promise<Inode | undefined> {
    let inode = await this.#inode(ROOT)
    for (const name of path) {
      if (inode.kind !== 'directory') return undefined
      const number = await this.#lookup(inode, name)
      if (number === undefined) return undefined
      inode = await this.#inode(number)
    }
    return inode.kind === 'file' ? inode : undefined
  }

  async content(file: Inode): Promise<Uint8Array> {
    if (file.size > MOST_FILE_BYTES) throw new DecodeError('the file is too large')
    const { blockBytes } = this.superblock
    const content = new Uint8Array(file.size)
    const blocks = await this.#blocks(file, Math.ceil(file.size / blockBytes))
    for (const [i, block] of blocks.entries()) {
      const from = i * blockBytes
      const bytes = block === undefined ? new Uint8Array(blockBytes) : await this.#block(block)
      content.set(bytes.subarray(0, Math.min(blockBytes, file.size - from)), from)
    }
    return content
  }

  /**
   * What to write, in this order and each durable before the next, so that a file has `content`. Between two of them it is whole lines with
   * bytes of zero behind, never cut off. `undefined`: it does not fit the blocks that the file has.
   */
  async replace(file: Inode, content: Uint8Array, seconds: number): Promise<BlockWrite[] | undefined> {
    const { blockBytes, unwritable, clean } = this.superblock
    if (!clean || unwritable !== undefined || (file.flags & UNEDITABLE) !== 0) return undefined
    const count = Math.ceil(file.size / blockBytes)
    if (content.length === 0 || content.length > count * blockBytes) return undefined
    const blocks = await this.#blocks(file, count)
    const data: BlockWrite[] = []
    for (const [i, block] of blocks.entries()) {
      if (block === undefined) return undefined
      const bytes = new Uint8Array(blockBytes)
      bytes.set(content.subarray(i * blockBytes, (i + 1) * blockBytes))
      data.push({ offset: block * blockBytes, bytes })
    }
    const at = await this.#inodeAt(file.number)
    const table = await this.#block(Math.floor(at / blockBytes))
    const block = new Uint8Array(table)
    block.set(changedInode(file, content.length, seconds, this.superblock), at % blockBytes)
    const inode = { offset: at - (at % blockBytes), bytes: block }
    return content.length >= file.size ? [inode, ...data] : [...data, inode]
  }

  async #inode(number: number): Promise<Inode> {
    const { inodeBytes } = this.superblock
    return parseInode(await this.#bytesAt(await this.#inodeAt(number), inodeBytes), number, this.superblock)
  }

  /** Where an inode lies, in bytes. */
  async #inodeAt(number: number): Promise<number> {
    const { inodes, inodesPerGroup, inodeBytes, descriptorBytes, descriptorsAt, blockBytes } = this.superblock
    if (number < 1 || number > inodes) throw new DecodeError(`there is no inode ${number}`)
    const group = Math.floor((number - 1) / inodesPerGroup)
    const descriptor = await this.#bytesAt(descriptorsAt * blockBytes + group * descriptorBytes, descriptorBytes)
    const view = new DataView(descriptor.buffer, descriptor.byteOffset, descriptor.byteLength)
    const table = view.getUint32(0x8, true) + (descriptorBytes >= 64 ? view.getUint32(0x28, true) * 2 ** 32 : 0)
    return table * blockBytes + ((number - 1) % inodesPerGroup) * inodeBytes
  }

  /** Reads a directory from its first block to its last; the index of a large one looks like unused entries (filesystems/ext4/directory). */
  async #lookup(directory: Inode, wanted: string): Promise<number | undefined> {
    const { blockBytes } = this.superblock
    if (directory.size > MOST_DIRECTORY_BYTES) throw new DecodeError('a directory is too large')
    if ((directory.flags & UNEDITABLE & ~0x30) !== 0) throw new DecodeError('a directory is encrypted or inline')
    for (const block of await this.#blocks(directory, Math.ceil(directory.size / blockBytes))) {
      if (block === undefined) continue
      const bytes = await this.#block(block)
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
      for (let at = 0; at + 8 <= blockBytes; ) {
        const length = view.getUint16(at + 4, true)
        if (length < 8 || length % 4 !== 0 || at + length > blockBytes) throw new DecodeError('a directory is damaged')
        const inode = view.getUint32(at, true)
        const named = bytes.subarray(at + 8, at + 8 + Math.min(bytes[at + 6]!, length - 8))
        if (inode !== 0 && named.length === wanted.length && named.every((byte, i) => byte === wanted.charCodeAt(i)))
          return inode
        at += length
      }
    }
    return undefined
  }

  /** The blocks of a file by their places in it; `undefined` for holes and what was never written. */
  async #blocks(file: Inode, count: number): Promise<(number | undefined)[]> {
    const found = new Array<number | undefined>(count).fill(undefined)
    const blockMap = file.bytes.subarray(0x28, 0x64)
    if ((file.flags & EXTENTS) !== 0) {
      await this.#extents(blockMap, found, { depth: undefined, visited: 0 })
      return found
    }
    if (count > DIRECT_BLOCKS) throw new DecodeError('a file has more blocks than its inode names')
    const view = new DataView(blockMap.buffer, blockMap.byteOffset, blockMap.byteLength)
    for (let i = 0; i < count; i++) found[i] = view.getUint32(i * 4, true) || undefined
    return found
  }

  /** A node of an extent tree (filesystems/ext4/ifork). Depth falls by one from node to node. */
  async #extents(node: Uint8Array, into: (number | undefined)[], walk: { depth: number | undefined; visited: number }) {
    const view = new DataView(node.buffer, node.byteOffset, node.byteLength)
    const entries = view.getUint16(2, true)
    const depth = view.getUint16(6, true)
    if (view.getUint16(0, true) !== EXTENT_MAGIC || 12 + entries * 12 > node.length || depth > MOST_EXTENT_DEPTH)
      throw new DecodeError('an extent tree is damaged')
    if (walk.depth !== undefined && depth !== walk.depth) throw new DecodeError('an extent tree is damaged')
    if (++walk.visited > MOST_EXTENT_BLOCKS) throw new DecodeError('an extent tree is too large')
    for (let i = 0; i < entries; i++) {
      const at = 12 + i * 12
      const first = view.getUint32(at, true)
      if (depth > 0) {
        if (first >= into.length) continue
        const child = view.getUint32(at + 4, true) + view.getUint16(at + 8, true) * 2 ** 32
        walk.depth = depth - 1
        await this.#extents(await this.#block(child), into, walk)
        continue
      }
      const length = view.getUint16(at + 4, true)
      const start = view.getUint32(at + 8, true) + view.getUint16(at + 6, true) * 2 ** 32
      // Above 32768 the blocks were reserved but never written.
      if (length > 32_768) continue
      for (let k = 0; k < length && first + k < into.length; k++) into[first + k] = start + k
    }
  }

  #block(number: number): Promise<Uint8Array> {
    const { blockBytes } = this.superblock
    return this.#bytesAt(number * blockBytes, blockBytes)
  }

  #bytesAt(offset: number, length: number): Promise<Uint8Array> {
    if (offset < 0 || offset + length > this.#bytes) throw new DecodeError('the filesystem points outside of itself')
    return this.#read(offset, length)
  }
}

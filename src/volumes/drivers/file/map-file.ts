import { readFileSync } from 'node:fs'
import { crc32 } from 'node:zlib'

/** Before the pages of a map. */
export const MAP_HEADER_BYTES = 4096
const MAGIC = 'RVLAYER1'
const DESCRIBED = 72

/** `boot`: the boot of the kernel during which a live map is right; empty in a durable map. */
export type MapHeader = Readonly<{ layer: string; boot: string; blocks: number }>

/** 8 bytes `RVLAYER1`, 16 of the layer's id, 40 of the boot id, f64 number of data blocks, u32 CRC-32; then zeros. Numbers are big-endian. */
export function encodeMapHeader({ layer, boot, blocks }: MapHeader): Uint8Array {
  const header = Buffer.alloc(MAP_HEADER_BYTES)
  header.write(MAGIC, 0, 'latin1')
  header.write(layer, 8, 16, 'latin1')
  header.write(boot, 24, 40, 'latin1')
  header.writeDoubleBE(blocks, 64)
  header.writeUInt32BE(crc32(header.subarray(0, DESCRIBED)), DESCRIBED)
  return header
}

/** `undefined` for anything that was not written by `encodeMapHeader`. */
export function decodeMapHeader(bytes: Uint8Array): MapHeader | undefined {
  const header = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  if (header.length < DESCRIBED + 4 || header.toString('latin1', 0, 8) !== MAGIC) return undefined
  if (header.readUInt32BE(DESCRIBED) !== crc32(header.subarray(0, DESCRIBED))) return undefined
  return {
    layer: header.toString('latin1', 8, 24),
    boot: header.toString('latin1', 24, 64).replace(/\0+$/, ''),
    blocks: header.readDoubleBE(64),
  }
}

/** The page cache lives as long as this stays the same. */
export function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim().slice(0, 40)
}

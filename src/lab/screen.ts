import { crc32, deflateSync } from 'node:zlib'
import { DecodeError } from '../kit/errors.ts'

/** A picture as QEMU writes it without libpng (PPM, 8 bits a colour), as PNG (RFC 2083). */
export function pngFromPpm(ppm: Uint8Array): Uint8Array {
  const header = /^P6\s+(\d+)\s+(\d+)\s+255\s/.exec(Buffer.from(ppm.subarray(0, 64)).toString('latin1'))
  if (!header) throw new DecodeError('the picture is not a PPM of 8 bits a colour')
  const width = Number(header[1])
  const height = Number(header[2])
  const pixels = ppm.subarray(header[0].length)
  if (pixels.length !== width * height * 3)
    throw new DecodeError(`a picture of ${width}x${height} has ${width * height * 3} bytes, not ${pixels.length}`)
  // RFC 2083 §6: each line begins with its filter type; 0 is none.
  const lines = Buffer.alloc(height * (width * 3 + 1))
  for (let y = 0; y < height; y++)
    lines.set(pixels.subarray(y * width * 3, (y + 1) * width * 3), y * (width * 3 + 1) + 1)
  const head = Buffer.alloc(13)
  head.writeUInt32BE(width, 0)
  head.writeUInt32BE(height, 4)
  // Bit depth 8, colour type 2 (RGB), then compression, filter and interlace method 0.
  head.set([8, 2, 0, 0, 0], 8)
  const signature = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a)
  return Buffer.concat([
    signature,
    chunk('IHDR', head),
    chunk('IDAT', deflateSync(lines)),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

/** RFC 2083 §3.2: length, type, data, and a CRC of type and data. */
function chunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const out = Buffer.alloc(body.length + 8)
  out.writeUInt32BE(data.length, 0)
  out.set(body, 4)
  out.writeUInt32BE(crc32(body), body.length + 4)
  return out
}

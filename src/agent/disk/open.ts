import { execFile } from 'node:child_process'
import { constants, type FileHandle, open, readFile, writeFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { promisify } from 'node:util'
import { ALIGNMENT, isAligned } from './buffer.ts'
import { checkRange, type Disk, DiskError, SECTOR_BYTES } from './disk.ts'

const run = promisify(execFile)
const ZEROS = new Uint8Array(1024 * 1024)

/** How often each program that was asked for help could not give it: after a few times it is asked no more. */
const FEW = 3

/**
 * Opens a block device or a regular file. For writing, a block device is opened exclusively: one that is mounted, or part of a RAID,
 * is refused (`EBUSY`), and nobody can mount it meanwhile.
 */
export async function openDisk(path: string, how: { write: boolean }): Promise<Disk> {
  let handle: FileHandle | undefined
  try {
    // O_EXCL without O_CREAT means exclusive use for a block device (open(2)) and nothing good for a file, so look first.
    handle = await open(path, constants.O_RDONLY)
    const found = await handle.stat()
    if (!found.isBlockDevice() && !found.isFile())
      throw new DiskError(path, 'opening', null, 'ENOTBLK', 'It is no disk')
    const device = found.isBlockDevice()
    const bytes = device ? await deviceBytes(path) : found.size
    if (how.write) {
      const exclusive = await open(path, constants.O_RDWR | (device ? constants.O_EXCL : 0))
      await handle.close()
      handle = exclusive
    }
    const direct = await open(path, constants.O_RDONLY | constants.O_DIRECT).catch(() => undefined)
    return new OpenDisk(path, bytes, handle, { device, direct })
  } catch (error) {
    await handle?.close()
    throw asDiskError(error, path, 'opening', null)
  }
}

async function deviceBytes(path: string): Promise<number> {
  return Number(await readFile(`/sys/class/block/${basename(path)}/size`, 'latin1')) * SECTOR_BYTES
}

function asDiskError(error: unknown, name: string, doing: string, offset: number | null): unknown {
  const code = (error as NodeJS.ErrnoException).code
  return error instanceof DiskError || typeof code !== 'string' ? error : new DiskError(name, doing, offset, code)
}

class OpenDisk implements Disk {
  readonly name: string
  readonly bytes: number
  readonly #handle: FileHandle
  readonly #device: boolean
  /** Reads past the cache; the kernel keeps both views the same. Not every file system and device can do it. */
  readonly #direct: FileHandle | undefined
  #directly: boolean
  #helpless = 0

  constructor(
    name: string,
    bytes: number,
    handle: FileHandle,
    { device, direct }: { device: boolean; direct: FileHandle | undefined },
  ) {
    this.#direct = direct
    this.#directly = direct !== undefined
    this.name = name
    this.bytes = bytes
    this.#handle = handle
    this.#device = device
  }

  async read(offset: number, into: Uint8Array): Promise<void> {
    checkRange(this, offset, into.length)
    let done = await this.#readDirectly(offset, into)
    while (done < into.length) {
      const { bytesRead } = await this.#try('reading', offset + done, () =>
        this.#handle.read(into, done, into.length - done, offset + done),
      )
      // Within its size a disk always has a next byte; one that does not has shrunk or gone.
      if (bytesRead === 0) throw new DiskError(this.name, 'reading', offset + done, 'ENODEV')
      done += bytesRead
    }
  }

  /** How much of it could be read past the cache. */
  async #readDirectly(offset: number, into: Uint8Array): Promise<number> {
    const direct = this.#direct
    if (!direct || !this.#directly || offset % ALIGNMENT !== 0 || !isAligned(into)) return 0
    try {
      return (await direct.read(into, 0, into.length, offset)).bytesRead
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw asDiskError(error, this.name, 'reading', offset)
      this.#directly = false
      return 0
    }
  }

  async write(offset: number, bytes: Uint8Array): Promise<void> {
    checkRange(this, offset, bytes.length)
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await this.#try('writing', offset + done, () =>
        this.#handle.write(bytes, done, bytes.length - done, offset + done),
      )
      done += bytesWritten
    }
  }

  async zero(offset: number, length: number): Promise<void> {
    checkRange(this, offset, length)
    if (length === 0) return
    const by = this.#device ? ['blkdiscard', '-f', '-z'] : ['fallocate', '-p']
    if (await this.#helped(by, offset, length)) return
    for (let done = 0; done < length; done += ZEROS.length)
      await this.write(offset + done, ZEROS.subarray(0, Math.min(ZEROS.length, length - done)))
  }

  async discard(offset: number, length: number): Promise<void> {
    checkRange(this, offset, length)
    if (length > 0) await this.#helped(this.#device ? ['blkdiscard', '-f'] : ['fallocate', '-p'], offset, length)
  }

  async #helped([program, ...options]: readonly string[], offset: number, length: number): Promise<boolean> {
    if (this.#helpless >= FEW || offset % SECTOR_BYTES !== 0 || length % SECTOR_BYTES !== 0) return false
    try {
      await run(program!, [...options, '-o', String(offset), '-l', String(length), this.name])
      this.#helpless = 0
      return true
    } catch {
      this.#helpless++
      return false
    }
  }

  async flush(): Promise<void> {
    await this.#try('flushing', null, () => this.#handle.datasync())
  }

  async forget(): Promise<void> {
    await this.flush()
    if (!this.#device) return
    try {
      await run('blockdev', ['--flushbufs', this.name])
    } catch {
      await this.#try('dropping the cache', null, () => writeFile('/proc/sys/vm/drop_caches', '1'))
    }
  }

  async close(): Promise<void> {
    await this.#direct?.close()
    await this.#handle.close()
  }

  async #try<T>(doing: string, offset: number | null, act: () => Promise<T>): Promise<T> {
    try {
      return await act()
    } catch (error) {
      throw asDiskError(error, this.name, doing, offset)
    }
  }
}

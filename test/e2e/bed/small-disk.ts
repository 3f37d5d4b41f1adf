import { execFile } from 'node:child_process'
import { mkdtemp, rm, statfs, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const MIB = 2 ** 20

/** A file system of its own, of a few hundred MiB, that can be made full. */
export class SmallDisk {
  readonly path: string

  private constructor(path: string) {
    this.path = path
  }

  static async make(mib: number): Promise<SmallDisk> {
    const path = await mkdtemp(join(tmpdir(), 'rv-small-'))
    await run('mount', ['-t', 'tmpfs', '-o', `size=${mib}m,mode=700`, 'tmpfs', path])
    return new SmallDisk(path)
  }

  /** Fills it but for one MiB, as another program would. */
  async fill(): Promise<void> {
    const { bavail, bsize } = await statfs(this.path)
    await writeFile(join(this.path, 'filler'), Buffer.alloc(Math.max(0, bavail * bsize - MIB)))
  }

  async drain(): Promise<void> {
    await rm(join(this.path, 'filler'), { force: true })
  }

  /** After whoever uses it has ended. */
  async remove(): Promise<void> {
    await run('umount', [this.path])
    await rm(this.path, { recursive: true })
  }
}

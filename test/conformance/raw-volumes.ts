import { mkdtemp, open, rm } from 'node:fs/promises'
import { join } from 'node:path'

/** Volumes as sparse files in a folder of their own, for engines that serve paths. */
export class RawVolumes {
  readonly directory: string
  #made = 0

  static async make(parent: string): Promise<RawVolumes> {
    return new RawVolumes(await mkdtemp(join(parent, 'reveille-raw-')))
  }

  private constructor(directory: string) {
    this.directory = directory
  }

  readonly path = async (volume: string): Promise<string> => join(this.directory, `${volume}.img`)

  /** A new one that reads as zeros. */
  readonly volume = async (bytes: number): Promise<string> => {
    const volume = `v_${process.pid}_${++this.#made}`
    const file = await open(await this.path(volume), 'w')
    await file.truncate(bytes)
    await file.close()
    return volume
  }

  readonly content = async (volume: string, at: number, bytes: number): Promise<Uint8Array> => {
    const file = await open(await this.path(volume), 'r')
    const into = Buffer.alloc(bytes)
    await file.read(into, 0, bytes, at)
    await file.close()
    return into
  }

  remove(): Promise<void> {
    return rm(this.directory, { recursive: true })
  }
}

import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, link, mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Refusal } from '../../kit/errors.ts'
import type { ExportFile, ExportFiles, NewExportFile } from '../export-files.ts'

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/
const TEMPORARY = '.part-'

/** A folder of plain files. Links are never followed; a file appears whole or not at all. */
export class ExportFolder implements ExportFiles {
  readonly #directory: string

  private constructor(directory: string) {
    this.#directory = directory
  }

  /** Makes the folder when it is not there, and clears away what an interrupted dump left. */
  static async open(directory: string): Promise<ExportFolder> {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    for (const name of await readdir(directory))
      if (name.startsWith(TEMPORARY)) await rm(join(directory, name), { force: true })
    return new ExportFolder(directory)
  }

  async create(name: string, bytes: number, { replace }: Readonly<{ replace: boolean }>): Promise<NewExportFile> {
    const final = this.#path(name)
    const temporary = join(this.#directory, `${TEMPORARY}${randomBytes(8).toString('hex')}`)
    if (!replace) await this.#refuseTaken(name)
    const { O_CREAT, O_EXCL, O_WRONLY, O_NOFOLLOW } = constants
    const handle = await told(open(temporary, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, 0o600), name)
    let open_ = true
    const close = async () => {
      if (!open_) return
      open_ = false
      await handle.close()
    }
    try {
      await told(handle.truncate(bytes), name)
    } catch (error) {
      await close()
      await rm(temporary, { force: true })
      throw error
    }
    return {
      write: (part, at) => told(writeAll(handle, part, at), name),
      finish: async () => {
        await told(handle.sync(), name)
        await close()
        // A link fails where a rename would replace what came meanwhile.
        if (replace) await told(rename(temporary, final), name)
        else {
          await told(link(temporary, final), name)
          await rm(temporary)
        }
        await syncDirectory(this.#directory)
      },
      abandon: async () => {
        await close()
        await rm(temporary, { force: true })
      },
    }
  }

  async open(name: string): Promise<ExportFile> {
    const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants
    // Without waiting: a pipe of that name must not hold us.
    const handle = await told(open(this.#path(name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK), name)
    const stat = await handle.stat()
    if (!stat.isFile()) {
      await handle.close()
      throw new Refusal('wrong-state', `${name} in the export folder is no plain file`)
    }
    return {
      bytes: stat.size,
      read: async (into, at) => {
        for (let done = 0; done < into.length; ) {
          const { bytesRead } = await told(handle.read(into, done, into.length - done, at + done), name)
          if (bytesRead === 0) throw new Refusal('corrupt', `${name} became shorter while it was read`)
          done += bytesRead
        }
      },
      close: () => handle.close(),
    }
  }

  async #refuseTaken(name: string): Promise<void> {
    if ((await readdir(this.#directory)).includes(name)) throw taken(name)
  }

  #path(name: string): string {
    if (!NAME.test(name))
      throw new Refusal('validation-failed', `${JSON.stringify(name.slice(0, 50))} is no plain file name`, {
        next: 'name a file directly in the export folder, without folders',
      })
    return join(this.#directory, name)
  }
}

async function writeAll(handle: FileHandle, part: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < part.length; )
    done += (await handle.write(part, done, part.length - done, at + done)).bytesWritten
}

/** Errors of the file system in words; none of them is a fault of ours. */
async function told<T>(work: Promise<T>, name: string): Promise<T> {
  try {
    return await work
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT')
      throw new Refusal('not-found', `there is no file ${name} in the export folder`, {
        next: 'put it there, or name another one',
      })
    if (code === 'EEXIST') throw taken(name)
    if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG')
      throw new Refusal('no-space', `there is no room for ${name} in the export folder`)
    if (code === 'ELOOP')
      throw new Refusal('wrong-state', `${name} in the export folder is a link; links are not followed`)
    if (code === 'EISDIR') throw new Refusal('wrong-state', `${name} in the export folder is a folder, no plain file`)
    if (code === 'EACCES' || code === 'EPERM')
      throw new Refusal('not-available', `the server may not use ${name} in the export folder`)
    throw error
  }
}

function taken(name: string): Refusal {
  return new Refusal('conflict', `there is a file ${name} in the export folder already`, {
    next: 'choose another name, or replace it: --replace',
  })
}

async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

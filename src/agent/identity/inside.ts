import { constants, lstatSync } from 'node:fs'
import { chmod, chown, lstat, mkdir, open, readlink, rename, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

const MOST_LINKS = 40
/** Files of an installed system that are read here are small. */
const MOST_BYTES = 4 * 1024 * 1024

/** A path of the installed system leads nowhere, or out of it. */
export class PathError extends Error {
  override name = 'PathError'
}

/**
 * The files of an installed system that is mounted at `root`. Its symbolic links are followed as that system would follow them, never
 * out of it: what the image says must not reach the files of the one who looks at it.
 */
export class Inside {
  readonly root: string

  constructor(root: string) {
    this.root = root
  }

  /** The real path, all links followed; the last part need not exist. */
  async resolve(path: string): Promise<string> {
    const left = path.split('/').filter((part) => part !== '' && part !== '.')
    const done: string[] = []
    let links = 0
    while (left.length > 0) {
      const part = left.shift()!
      if (part === '..') {
        done.pop()
        continue
      }
      const here = join(this.root, ...done, part)
      const found = await lstat(here).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return undefined
        throw new PathError(`${path} cannot be reached: ${error.code}`)
      })
      if (found?.isSymbolicLink()) {
        if (++links > MOST_LINKS) throw new PathError(`${path} leads round in circles`)
        const target = await readlink(here)
        if (target.startsWith('/')) done.length = 0
        left.unshift(...target.split('/').filter((each) => each !== '' && each !== '.'))
        continue
      }
      if (found && left.length > 0 && !found.isDirectory()) throw new PathError(`${part} in ${path} is no folder`)
      done.push(part)
    }
    return join(this.root, ...done)
  }

  async exists(path: string): Promise<boolean> {
    const real = await this.resolve(path).catch(() => undefined)
    return real !== undefined && (await lstat(real).catch(() => undefined)) !== undefined
  }

  /** The text of a file; `undefined` if there is none. */
  async read(path: string): Promise<string | undefined> {
    const real = await this.resolve(path)
    const file = await open(real, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
      () => undefined,
    )
    if (!file) return undefined
    try {
      const found = await file.stat()
      if (!found.isFile()) throw new PathError(`${path} is no file`)
      if (found.size > MOST_BYTES) throw new PathError(`${path} has ${found.size} bytes: too many to be changed here`)
      return await file.readFile('utf8')
    } finally {
      await file.close()
    }
  }

  /**
   * Writes a file whole: a power cut leaves the old or the new one. An old file keeps its owner and, unless
   * `exact`, its mode; a new one gets these, or those of root.
   */
  async write(
    path: string,
    content: string,
    made: { mode: number; exact?: boolean; owner?: { uid: number; gid: number } },
  ): Promise<void> {
    const real = await this.resolve(path)
    const old = await lstat(real).catch(() => undefined)
    if (old && !old.isFile()) throw new PathError(`${path} is no file`)
    const temporary = join(dirname(real), `.${basename(real)}.reveille`)
    await unlink(temporary).catch(() => undefined)
    const file = await open(
      temporary,
      constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
      0o600,
    )
    try {
      await file.writeFile(content)
      await file.chown(old?.uid ?? made.owner?.uid ?? 0, old?.gid ?? made.owner?.gid ?? 0)
      await file.chmod(old && !made.exact ? old.mode & 0o7777 : made.mode)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, real)
    await flushFolder(dirname(real))
  }

  /** Makes a folder and those above it. An existing one is left as it is, but for its mode if `exact`. */
  async folder(
    path: string,
    { mode, exact = false, owner }: { mode: number; exact?: boolean; owner?: { uid: number; gid: number } },
  ): Promise<void> {
    const parts = path.split('/').filter((part) => part !== '')
    for (let i = 1; i <= parts.length; i++) {
      const last = i === parts.length
      const real = await this.resolve(parts.slice(0, i).join('/'))
      const found = lstatSync(real, { throwIfNoEntry: false })
      if (found && !found.isDirectory()) throw new PathError(`${parts.slice(0, i).join('/')} is no folder`)
      if (!found) {
        await mkdir(real)
        await chmod(real, last ? mode : 0o755)
        if (owner) await chown(real, owner.uid, owner.gid)
        await flushFolder(dirname(real))
      } else if (last && exact) await chmod(real, mode)
    }
  }
}

async function flushFolder(path: string): Promise<void> {
  const folder = await open(path, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

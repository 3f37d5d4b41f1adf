import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs'
import { mkdir, open, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Refusal } from '../kit/errors.ts'

/**
 * Taking a backup back, so that a data directory has either all of it or what was there before, whatever is killed when:
 * 1. Everything is written to `restoring/`. Until it is whole it counts for nothing.
 * 2. `restoring/` becomes `restored/`, in one step. From here on it is done, and who opens the directory next goes on.
 * 3. What was there before (`aside.json` lists it) moves to a folder of its own; then the list goes.
 * 4. What is in `restored/` moves up, and `restored/` goes.
 */
const STAGE = 'restoring'
const WHOLE = 'restored'
const LIST = 'aside.json'
/** Names that are no content: locks, sockets and ourselves. */
const OURS = /^(lock\.db(-.*)?|control\.sock|backup\.part|restoring|restored|before-(restore|postgresql)-.*)$/

/** What is in a data directory, apart from locks and from the empty files that a start which was refused leaves. */
export function contentOf(dataDir: string): string[] {
  if (!existsSync(dataDir)) return []
  const isEmptyFile = (name: string) => {
    const found = lstatSync(join(dataDir, name))
    return found.isFile() && found.size === 0
  }
  return readdirSync(dataDir).filter((name) => !OURS.test(name) && !isEmptyFile(name))
}

/** A folder to write to, empty; then call `commitRestore`. The data directory must be locked. */
export async function stageRestore(dataDir: string): Promise<string> {
  const stage = join(dataDir, STAGE)
  await rm(stage, { recursive: true, force: true })
  await mkdir(stage, { mode: 0o700 })
  return stage
}

/** What was staged takes the place of what is there, which is kept in the folder whose name is answered; `null`: nothing was there. */
export async function commitRestore(dataDir: string, now: number): Promise<string | null> {
  const names = contentOf(dataDir)
  const folder = names.length === 0 ? null : `before-restore-${new Date(now).toISOString().replaceAll(/[:.]/g, '-')}`
  await writeFile(join(dataDir, STAGE, LIST), JSON.stringify({ folder, names }), { flush: true, mode: 0o600 })
  await syncFolder(join(dataDir, STAGE))
  await rename(join(dataDir, STAGE), join(dataDir, WHOLE))
  await syncFolder(dataDir)
  await finishRestore(dataDir)
  return folder
}

/** Goes on with a restore that was cut off after it was whole; does nothing when there is none. The data directory must be locked. */
export async function finishRestore(dataDir: string): Promise<void> {
  const whole = join(dataDir, WHOLE)
  if (!existsSync(whole)) return
  const list = join(whole, LIST)
  if (existsSync(list)) {
    const { folder, names } = readList(list)
    if (folder !== null) await mkdir(join(dataDir, folder), { recursive: true, mode: 0o700 })
    for (const name of names) await moved(join(dataDir, name), join(dataDir, folder ?? '', name))
    await syncFolder(dataDir)
    await rm(list)
    await syncFolder(whole)
  }
  // What the next start made meanwhile cannot be here: nothing opens the directory before this is done.
  for (const name of await readdir(whole)) await rename(join(whole, name), join(dataDir, name))
  await syncFolder(dataDir)
  await rm(whole, { recursive: true })
}

function readList(path: string): { folder: string | null; names: string[] } {
  try {
    const { folder, names } = JSON.parse(readFileSync(path, 'utf8'))
    if (!Array.isArray(names) || names.some((name) => typeof name !== 'string' || name.includes('/'))) throw new Error()
    return { folder: typeof folder === 'string' && !folder.includes('/') ? folder : null, names }
  } catch {
    throw new Refusal('corrupt', `${path}, which says how a restore goes on, cannot be read`, {
      next: 'delete the folder "restored" beside it and restore the backup again',
    })
  }
}

/** Once only: what is found under the old name after that is an empty file that the next start made. */
async function moved(from: string, to: string): Promise<void> {
  if (existsSync(from) && !existsSync(to)) await rename(from, to)
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  await folder.sync().finally(() => folder.close())
}

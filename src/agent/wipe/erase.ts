import { basename, join } from 'node:path'
import type { Disk } from '../disk/disk.ts'
import { numberOf } from '../inventory/tree.ts'
import { ProgramError, runProgram } from '../program.ts'
import type { Around } from '../task.ts'
import { type Abilities, ataErase, type Method, nvmeErase } from './methods.ts'

/** The disk is locked with this while it erases itself; a power cut leaves it set, and the next attempt knows it. */
const PASSWORD = 'reveille'
const ERASE_SECONDS = 24 * 3600
const WRITE_BYTES = 4 * 1024 * 1024
/** So often what was written is brought to the disk: the figure that is shown is of bytes that are there. */
const FLUSH_BYTES = 256 * 1024 * 1024

/** Asks the kernel and the disk; changes nothing. */
export async function abilitiesOf(path: string, sys = '/sys'): Promise<Abilities> {
  const queue = join(sys, 'block', basename(path), 'queue')
  const rotational = (await numberOf(queue, 'rotational')) === 1
  const discards = ((await numberOf(queue, 'discard_max_bytes')) ?? 0) > 0
  const asked = (program: string, args: string[]) =>
    runProgram(program, args, { seconds: 30 }).then(
      ({ stdout }) => stdout,
      (error: unknown) => (error instanceof ProgramError ? error : Promise.reject(error)),
    )
  if (/^nvme/.test(basename(path))) {
    const told = await asked('nvme', ['id-ctrl', '-o', 'json', path])
    if (typeof told !== 'string') return { rotational, discards, erase: null, whyNot: told.message }
    const erase = nvmeErase(told)
    return { rotational, discards, erase, whyNot: erase ? '' : 'it does not know the command Format NVM' }
  }
  if (/^sd/.test(basename(path))) {
    const told = await asked('hdparm', ['-I', path])
    if (typeof told !== 'string') return { rotational, discards, erase: null, whyNot: told.message }
    const { erase, whyNot } = ataErase(told)
    return { rotational, discards, erase, whyNot }
  }
  return { rotational, discards, erase: null, whyNot: 'disks of its kind have no command for it' }
}

/** Does it. Returns what exactly was done, for the certificate. Safe to be cut off and done again. */
export async function erase(
  disk: Disk,
  path: string,
  method: Method,
  able: Abilities,
  around: Pick<Around, 'progress' | 'log' | 'stopped'>,
): Promise<string> {
  if (method === 'overwrite') return overwrite(disk, around)
  if (method === 'discard') return discard(disk, path, around)
  around.progress({ phase: 'the disk erases itself', totalBytes: disk.bytes })
  const done = able.erase?.startsWith('nvme') ? await formatNvme(path, able.erase) : await eraseAta(path, able.erase)
  // After a change of its key a disk reads as noise: no tables shall be seen in it.
  const edge = Math.min(1024 * 1024, disk.bytes)
  await disk.write(0, new Uint8Array(edge))
  await disk.write(disk.bytes - edge, new Uint8Array(edge))
  await disk.flush()
  return `${done}; then zeros to its first and last MiB`
}

async function formatNvme(path: string, kind: Abilities['erase']): Promise<string> {
  const setting = kind === 'nvme-crypto' ? '2' : '1'
  await runProgram('nvme', ['format', path, `--ses=${setting}`, '--force'], { seconds: ERASE_SECONDS })
  return `Format NVM with Secure Erase Setting ${setting} (${setting === '2' ? 'cryptographic erase' : 'user data erase'})`
}

async function eraseAta(path: string, kind: Abilities['erase']): Promise<string> {
  const command = kind === 'ata-enhanced' ? '--security-erase-enhanced' : '--security-erase'
  const { stdout } = await runProgram('hdparm', ['-I', path], { seconds: 30 })
  if (!ataErase(stdout).locked)
    await runProgram('hdparm', ['--user-master', 'u', '--security-set-pass', PASSWORD, path], { seconds: 60 })
  await runProgram('hdparm', ['--user-master', 'u', command, PASSWORD, path], { seconds: ERASE_SECONDS })
  return `ATA SECURITY ERASE UNIT (${kind === 'ata-enhanced' ? 'enhanced' : 'normal'})`
}

async function discard(disk: Disk, path: string, { progress, log }: Pick<Around, 'progress' | 'log'>): Promise<string> {
  progress({ phase: 'discarding', totalBytes: disk.bytes })
  const secure = await runProgram('blkdiscard', ['-f', '-s', path], { seconds: ERASE_SECONDS }).then(
    () => true,
    (error: unknown) => (error instanceof ProgramError ? false : Promise.reject(error)),
  )
  if (!secure) await runProgram('blkdiscard', ['-f', path], { seconds: ERASE_SECONDS })
  const done = secure ? 'secure discard of every block' : 'discard of every block'
  // What a discarded block reads as is up to the disk: only zeros are sure.
  progress({ phase: 'zeroing' })
  try {
    await runProgram('blkdiscard', ['-f', '-z', path], { seconds: ERASE_SECONDS })
  } catch (error) {
    if (!(error instanceof ProgramError)) throw error
    log('warn', `zeros could not be written by the disk's own command: ${error.message}`)
    return done
  }
  return `${done}, then zeros to every block`
}

async function overwrite(disk: Disk, { progress, stopped }: Pick<Around, 'progress' | 'stopped'>): Promise<string> {
  const zeros = new Uint8Array(WRITE_BYTES)
  progress({ phase: 'overwriting', doneBytes: 0, totalBytes: disk.bytes, writtenBytes: 0 })
  for (let at = 0; at < disk.bytes; at += WRITE_BYTES) {
    stopped.throwIfAborted()
    await disk.write(at, zeros.subarray(0, Math.min(WRITE_BYTES, disk.bytes - at)))
    const done = Math.min(at + WRITE_BYTES, disk.bytes)
    if (done % FLUSH_BYTES !== 0) continue
    await disk.flush()
    progress({ doneBytes: done, writtenBytes: done })
  }
  await disk.flush()
  progress({ doneBytes: disk.bytes, writtenBytes: disk.bytes })
  return 'zeros written to every block'
}

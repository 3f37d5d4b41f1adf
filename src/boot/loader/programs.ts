import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { BOOT_PROGRAMS, type BootProgram, SIGNED_PROGRAMS } from '../programs.ts'
import type { FindFile } from './file.ts'

/** Finds boot programs by name and nothing else; one in `directory` is taken in place of that of a package. */
export function findProgram(
  programs: readonly BootProgram[] = [...BOOT_PROGRAMS, ...SIGNED_PROGRAMS],
  directory?: string | undefined,
): FindFile {
  const files = new Map(programs.map((program) => [program.name, { path: program.path }]))
  return (name) => {
    const packaged = files.get(name)
    const own = packaged && directory !== undefined ? join(directory, name) : undefined
    return own !== undefined && existsSync(own) ? { path: own } : packaged
  }
}

import { BOOT_PROGRAMS, type BootProgram, SIGNED_PROGRAMS } from '../programs.ts'
import type { FindFile } from './file.ts'

/** Finds boot programs by name and nothing else. */
export function findProgram(programs: readonly BootProgram[] = [...BOOT_PROGRAMS, ...SIGNED_PROGRAMS]): FindFile {
  const files = new Map(programs.map((program) => [program.name, { path: program.path }]))
  return (name) => files.get(name)
}

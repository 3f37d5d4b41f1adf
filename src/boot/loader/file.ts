import type { FileRole } from '../../images/image.ts'

/** A file that may be loaded over TFTP or HTTP: on disk, or made of bytes. */
export type LoaderFile = (Readonly<{ path: string }> | Readonly<{ bytes: Uint8Array }>) &
  Readonly<{
    /** How a trace tells of it: as a file of this image, or not at all (`nothing`), for who made it tells. Else as a boot program. */
    told?: 'nothing' | Readonly<{ name: string; role: FileRole; image: string }> | undefined
  }>

/**
 * Looks a file up by its name, for the machine at `client` (dotted decimal). Names are only ever compared with a table, never
 * joined to a directory: there is nothing to climb out of. */
export type FindFile = (name: string, client: string) => LoaderFile | undefined
/** The same where a file may have to be made first; `local` is our address that was asked. */
export type FindOrMakeFile = (
  name: string,
  client: string,
  local: string,
) => LoaderFile | undefined | Promise<LoaderFile | undefined>

/** The name without what firmware adds: slashes in front (GRUB), doubled ones (shim), NULs and spaces behind. */
export function plainName(filename: string): string {
  return filename
    .replace(/[\0 ]+$/, '')
    .split('/')
    .filter((part) => part !== '')
    .join('/')
}

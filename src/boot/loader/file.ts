/** A file that may be loaded over TFTP or HTTP: on disk, or made of bytes. */
export type LoaderFile = Readonly<{ path: string }> | Readonly<{ bytes: Uint8Array }>

/**
 * Looks a file up by its name, for the machine at `client` (dotted decimal). Names are only ever compared with a table, never
 * joined to a directory: there is nothing to climb out of.
 */
export type FindFile = (name: string, client: string) => LoaderFile | undefined

/** The name without what firmware adds: slashes in front (GRUB), doubled ones (shim), NULs and spaces behind. */
export function plainName(filename: string): string {
  return filename
    .replace(/[\0 ]+$/, '')
    .split('/')
    .filter((part) => part !== '')
    .join('/')
}

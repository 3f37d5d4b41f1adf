import type { FindPass } from '../boot/install/pass.ts'
import type { FindFile, FindOrMakeFile } from '../boot/loader/file.ts'
import type { FindGrubFile } from '../boot/script/grub-serve.ts'

type Files = Readonly<{
  program: FindFile
  blob: FindOrMakeFile
  pass: FindPass
  grub: FindGrubFile
  /** The URL of this server for whoever asked this address of ours. */
  base: (local: string) => string
}>

/** Everything that machines may have over TFTP. */
export function filesOverTftp({ program, blob, pass, grub, base }: Files): FindOrMakeFile {
  return (name, client, local) =>
    program(name, client) ??
    blob(name, client, local) ??
    pass(name, client, base(local)) ??
    grub(name, client, base(local))
}

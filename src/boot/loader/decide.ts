import { TftpError, type TftpRequest } from '../../protocols/tftp/packet.ts'
import { type FindFile, type FindOrMakeFile, type LoaderFile, plainName } from './file.ts'

/** What a TFTP request gets: a file, or an error for the wire and the reason for people. */
export type TftpDecision = Readonly<
  | { serve: LoaderFile; name: string }
  | { serve: null; code: number; message: string; reason: string; expected?: boolean | undefined }
>

/**
 * What shim and GRUB look for first and do without: revocations and certificates beside shim, lists of modules beside grub.cfg. That
 * they are not there is nothing to tell of.
 */
const OPTIONAL =
  /^(.*\/)?(revocations_[a-z]+\.efi|shim_certificate_\d+\.efi)$|^grub\/[a-z0-9_-]+\/[a-z0-9_]+\.(lst|mod)$/
/** Names with a word in them that may still be good for something: who refuses them tells of it, without the name. */
const SEALED = /^boot\/(agent|login)\//

/**
 * Decides on a request from `client` (dotted decimal) to our address `local`. Read only, bytes as they are, names from the table of
 * `find`.
 */
export function decideTftp(request: TftpRequest, client: string, find: FindFile, local?: string): TftpDecision
export function decideTftp(
  request: TftpRequest,
  client: string,
  find: FindOrMakeFile,
  local?: string,
): TftpDecision | Promise<TftpDecision>
export function decideTftp(
  request: TftpRequest,
  client: string,
  find: FindOrMakeFile,
  local = '0.0.0.0',
): TftpDecision | Promise<TftpDecision> {
  if (request.op === 'write') return refuse(TftpError.accessViolation, 'read only', 'this server only gives files away')
  // netascii would change the bytes of a program, and mail is long gone; no firmware asks for either.
  if (request.mode !== 'octet')
    return refuse(
      TftpError.illegalOperation,
      'octet mode only',
      'it wants a mode that changes the bytes; only octet does not',
    )
  const name = plainName(request.filename)
  const decided = (file: LoaderFile | undefined): TftpDecision => {
    if (file) return { serve: file, name }
    const refused = refuse(TftpError.fileNotFound, 'file not found', 'there is no boot file of this name')
    return OPTIONAL.test(name) || SEALED.test(name) ? { ...refused, expected: true } : refused
  }
  const file = find(name, client, local)
  return file instanceof Promise ? file.then(decided) : decided(file)
}

function refuse(code: number, message: string, reason: string): Extract<TftpDecision, { serve: null }> {
  return { serve: null, code, message, reason }
}

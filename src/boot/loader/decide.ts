import { TftpError, type TftpRequest } from '../../protocols/tftp/packet.ts'
import { type FindFile, type LoaderFile, plainName } from './file.ts'

/** What a TFTP request gets: a file, or an error for the wire and the reason for people. */
export type TftpDecision = Readonly<
  { serve: LoaderFile; name: string } | { serve: null; code: number; message: string; reason: string }
>

/** Decides on a request from `client` (dotted decimal). Read only, bytes as they are, names from the table of `find`. */
export function decideTftp(request: TftpRequest, client: string, find: FindFile): TftpDecision {
  if (request.op === 'write') return refuse(TftpError.accessViolation, 'read only', 'this server only gives files away')
  // netascii would change the bytes of a program, and mail is long gone; no firmware asks for either.
  if (request.mode !== 'octet')
    return refuse(
      TftpError.illegalOperation,
      'octet mode only',
      'it wants a mode that changes the bytes; only octet does not',
    )
  const name = plainName(request.filename)
  const file = find(name, client)
  if (!file) return refuse(TftpError.fileNotFound, 'file not found', 'there is no boot file of this name')
  return { serve: file, name }
}

function refuse(code: number, message: string, reason: string): TftpDecision {
  return { serve: null, code, message, reason }
}

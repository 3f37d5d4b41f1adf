import type { IncomingMessage, ServerResponse } from 'node:http'

/** What a boot request is about, parsed once for all stages. */
export type BootTarget = Readonly<{
  /** Decoded and normalised: no `..`, no doubled slashes (shim asks for `debian//grubx64.efi`). */
  path: string
  query: URLSearchParams
  /** Address of the machine that asks, dotted decimal. */
  client: string
  /** `http://ADDRESS:PORT` by which this machine reached us, or the advertised one. */
  base: string
}>

/** One stage's part of `/boot/...`: answers and returns true, or returns false when the path is not its own. Must not throw. */
export type BootHandler = (request: IncomingMessage, response: ServerResponse, target: BootTarget) => boolean

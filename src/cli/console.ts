import { pathOf } from '../api/client/client.ts'
import { Refusal } from '../kit/errors.ts'
import type { Context } from './context.ts'
import { openWebSocket } from './websocket.ts'

/** As `CONSOLE_PATH` of the contract, which would bring all schemas along; a test compares them. */
export const CONSOLE_PATH = '/api/v1/machines/{machine}/console'

/** Ctrl-], as in telnet: it is on every keyboard and no boot program wants it. */
export const ESCAPE = 0x1d

export type Keyboard = Readonly<{
  /** Starts raw input; the returned function restores the terminal. */
  listen(onBytes: (bytes: Uint8Array) => void): () => void
}>

/** Splits typed bytes at the escape key: what goes to the machine, and whether the user wants out. */
export function untilEscape(typed: Uint8Array): { bytes: Uint8Array; leave: boolean } {
  const at = typed.indexOf(ESCAPE)
  return at < 0 ? { bytes: typed, leave: false } : { bytes: typed.subarray(0, at), leave: true }
}

/** The keyboard of this process: raw on a terminal, so that every key reaches the machine; plain bytes from a pipe. */
export const PROCESS_KEYBOARD: Keyboard = {
  listen(onBytes) {
    const { stdin } = process
    if (stdin.isTTY) stdin.setRawMode(true)
    stdin.on('data', onBytes)
    stdin.resume()
    return () => {
      stdin.off('data', onBytes)
      if (stdin.isTTY) stdin.setRawMode(false)
      stdin.pause()
    }
  },
}

/** Connects terminal and serial console until Ctrl-], the end of the machine, or an interrupt. */
export async function attachConsole(
  context: Context,
  machine: string,
  {
    keyboard = PROCESS_KEYBOARD,
    write,
    shell = false,
  }: { keyboard?: Keyboard; write: (bytes: Uint8Array) => void; shell?: boolean | undefined },
): Promise<void> {
  let end = (_: { code: number; reason: string }) => {}
  const ended = new Promise<{ code: number; reason: string }>((resolve) => {
    end = resolve
  })
  const connection = await openWebSocket(
    await context.target(),
    `${pathOf(CONSOLE_PATH, { machine })}${shell ? '?shell' : ''}`,
    {
      onBytes: write,
      onEnd: (code, reason) => end({ code, reason }),
    },
  )
  context.terminal.err(`Connected to the console of ${machine}. Ctrl-] leaves it.\n`)
  const restore = keyboard.listen((typed) => {
    const { bytes, leave } = untilEscape(typed)
    if (bytes.length > 0) connection.send(bytes)
    if (leave) connection.close()
  })
  const interrupt = () => connection.close()
  context.interrupted.addEventListener('abort', interrupt)
  try {
    const { code, reason } = await ended
    if (code !== 1000 && code !== 1005)
      throw new Refusal('not-available', `The console of ${machine} ended: ${reason || `code ${code}`}.`, {
        next: `Try again: reveille console ${machine}`,
      })
    context.terminal.err('\nDisconnected.\n')
  } finally {
    context.interrupted.removeEventListener('abort', interrupt)
    restore()
  }
}

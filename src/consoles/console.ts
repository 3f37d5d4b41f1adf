import type { ConsoleLine } from '../power/driver.ts'

/** A console that somebody else keeps the record of: QEMU for lab machines, the shell of the management OS. */
export interface OwnConsole {
  /** What was printed so far, as much as is kept. */
  recorded(): Promise<Uint8Array>
  /**
   * Hands over what comes after the end of `recorded()`, or after now if that was not called; `ended` is called when the console is
   * gone. The returned function ends it.
   */
  follow(received: (bytes: Uint8Array) => void, ended: () => void): () => void
  /** Types. Nothing happens while the machine is off, as with any keyboard. */
  type(bytes: Uint8Array): void
  /** Set for a shell with the powers of root: nobody but operators sees it, and opening it is audited under this action. */
  readonly audited?: string | undefined
}

/** Where the serial console of a machine comes from: a line that we open, share and record, or one with a record of its own. */
export type ConsoleSource = Readonly<
  /** `name`: in words, such as `driver bmc`, `lab` or `agent`. */
  { name: string } & ({ open: () => Promise<ConsoleLine> } | { own: OwnConsole })
>

export const CONSOLE_FACES = ['api', 'ipmi', 'redfish'] as const
/** Who looks, and how they came. Only those who may type are heard. */
export type ConsoleViewer = Readonly<{ who: string; via: (typeof CONSOLE_FACES)[number]; mayType: boolean }>

/** One viewer's place at a console. */
export interface ConsoleView {
  /** What was printed before; `listen` goes on where this ended. */
  recorded(): Promise<Uint8Array>
  /** `ended` is called once when the console is gone for good; a line that is lost is opened again. */
  listen(received: (bytes: Uint8Array) => void, ended: (why: string) => void): void
  /** Nothing happens when the viewer may not type. */
  write(bytes: Uint8Array): void
  sendBreak(): void
  close(): void
}

/** A line of a record that was found. `at`: when that part was printed, milliseconds since 1970; `offset`: bytes since the record began. */
export type ConsoleMatch = Readonly<{ at: number; offset: number; line: string }>

/** Keeps what consoles printed, with the time of each piece. What was printed in the last moment before a `kill -9` may be lost. */
export interface ConsoleRecords {
  append(machine: string, at: number, bytes: Uint8Array): void
  /** The newest bytes of what was appended before this call. */
  tail(machine: string, bytes: number): Promise<Uint8Array>
  /** Lines that hold the text, whatever its case; the newest first. */
  search(machine: string, text: string, limit: number): Promise<readonly ConsoleMatch[]>
  /** Bytes kept, and when the newest came. */
  extent(machine: string): Readonly<{ bytes: number; lastAt: number | null }>
  /** Drops what is older or more than is to be kept. */
  prune(): Promise<void>
  forget(machine: string): Promise<void>
  /** Machines of which something is kept. */
  machines(): readonly string[]
  /** Writes what waits. */
  close(): Promise<void>
}

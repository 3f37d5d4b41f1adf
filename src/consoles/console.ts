import type { ConsoleLine } from '../power/driver.ts'

/** Where the serial line of a machine comes from: SOL, SSH, QEMU or the agent. */
export interface ConsoleSource {
  /** In words, such as `driver bmc (ipmi)` or `lab`. */
  readonly name: string
  open(): Promise<ConsoleLine>
}

/** Who looks. Only writers may type. */
export type ConsoleViewer = Readonly<{ who: string; via: 'api' | 'ipmi' | 'cli'; mayType: boolean }>

/** One viewer's place at a console. The line behind is opened for the first viewer (or always, when it is recorded) and shared by all. */
export interface ConsoleView {
  /** What was printed before, at most `recordedBytes` of it; then `listen` goes on where this ended. */
  recorded(): Promise<Uint8Array>
  listen(received: (bytes: Uint8Array) => void, ended: (why: string) => void): void
  /** Nothing happens when the viewer may not type. */
  write(bytes: Uint8Array): void
  close(): void
}

/** A line of a record that was found. `at`: milliseconds since 1970, `offset`: bytes from the start of the record. */
export type ConsoleMatch = Readonly<{ at: number; offset: number; line: string }>

/** Keeps what consoles printed, with the time of each piece. */
export interface ConsoleRecords {
  append(machine: string, at: number, bytes: Uint8Array): void
  /** The newest bytes. */
  tail(machine: string, bytes: number): Promise<Uint8Array>
  /** Everything kept, oldest first, as it is read. */
  read(machine: string, from: number): AsyncIterable<Uint8Array>
  search(machine: string, text: string, limit: number): Promise<readonly ConsoleMatch[]>
  /** Applies retention: age and size. */
  prune(now: number): Promise<void>
  forget(machine: string): Promise<void>
}

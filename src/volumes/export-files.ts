/** The server's own folder for volumes that are dumped and restored. Names are plain file names; everything else is refused. */
export interface ExportFiles {
  /** A new sparse file of this size that appears under its name when it is finished. A name that is taken is refused (`conflict`) unless it is replaced. */
  create(name: string, bytes: number, how: Readonly<{ replace: boolean }>): Promise<NewExportFile>
  /** A file to read from; `not-found` when there is none, and refused when it is anything but a plain file. */
  open(name: string): Promise<ExportFile>
}

export interface NewExportFile {
  /** What is never written reads as zeros. */
  write(bytes: Uint8Array, at: number): Promise<void>
  /** Durable and under its name when this is done. */
  finish(): Promise<void>
  /** Leaves nothing behind. Harmless after `finish`. */
  abandon(): Promise<void>
}

export interface ExportFile {
  readonly bytes: number
  /** Fills `into` from `at`. */
  read(into: Uint8Array, at: number): Promise<void>
  close(): Promise<void>
}

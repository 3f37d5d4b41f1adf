export type LogFields = Readonly<Record<string, unknown>>

/** A structured log. Fields carry the facts (`mac`, `xid`, `stage`); the message is a fixed sentence. */
export interface Log {
  debug(fields: LogFields, message: string): void
  info(fields: LogFields, message: string): void
  warn(fields: LogFields, message: string): void
  error(fields: LogFields, message: string): void
  child(fields: LogFields): Log
}

export const SILENT: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => SILENT }

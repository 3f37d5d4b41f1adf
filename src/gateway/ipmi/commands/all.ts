import type { CommandSet } from '../command.ts'

/** Every command that an emulated BMC knows, but those of sessions. */
export const COMMANDS: CommandSet = { commands: [] }

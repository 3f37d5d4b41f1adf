/**
 * Classes of commands that are routed on their own. `power.hard`: state, on, off, cycle, reset, diag; `power.soft`: a clean
 * shutdown; `raw`: what no class covers and a real BMC behind might know.
 */
export const COMMAND_CLASSES = [
  'power.hard',
  'power.soft',
  'bootdev',
  'identify',
  'sensors',
  'console',
  'fru',
  'sel',
  'media',
  'raw',
] as const
export type CommandClass = (typeof COMMAND_CLASSES)[number]

/**
 * Where commands of a class go: the name of one of the machine's power drivers, `reveille` (answered from what the server
 * itself knows and does), `drivers` (the machine's drivers in their order, the first that can), or `none` (refused: C1h).
 */
export type Routes = Readonly<Partial<Record<CommandClass, string>>>

/** What is done where a machine says nothing. */
export const DEFAULT_ROUTES: Readonly<Record<CommandClass, string>> = {
  'power.hard': 'drivers',
  'power.soft': 'drivers',
  bootdev: 'reveille',
  identify: 'drivers',
  sensors: 'drivers',
  console: 'drivers',
  fru: 'reveille',
  sel: 'reveille',
  media: 'reveille',
  raw: 'none',
}

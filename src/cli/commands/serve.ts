import { Option } from 'commander'
import type { SettingDescription } from '../../config/describe.ts'
import { type CliCommand, type Common, leaf } from '../command.ts'
import type { Context, SettingFlags } from '../context.ts'

export function addConfigOption(command: CliCommand): CliCommand {
  return command.option('--config <file>', 'settings file (./reveille.yaml, else /etc/reveille/reveille.yaml)')
}

/** `dhcp.rateLimit` -> `dhcpRateLimit`: how Commander keeps the value of `--dhcp-rate-limit`. */
function attribute({ flag }: SettingDescription): string {
  return flag.slice(2).replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
}

/** The settings among parsed options, by setting name. A flag without a value means true. */
export function settingFlags(
  options: Readonly<Record<string, unknown>>,
  settings: readonly SettingDescription[] = [],
): SettingFlags {
  const given = settings.flatMap((setting) => {
    const value = options[attribute(setting)]
    return value === undefined ? [] : [[setting.name, String(value)] as const]
  })
  const { config } = options
  return { ...(typeof config === 'string' ? { config } : {}), ...Object.fromEntries(given) }
}

const PLACEHOLDERS = {
  text: 'text',
  number: 'number',
  boolean: 'boolean',
  choice: 'choice',
  list: 'list',
  yaml: 'yaml',
} as const

function help({ description, default: fallback, choices }: SettingDescription): string {
  const notes = [
    ...(choices.length > 0 && !choices.every((choice) => description.includes(choice)) ? [choices.join(', ')] : []),
    ...(fallback === undefined
      ? []
      : [`default: ${Array.isArray(fallback) ? fallback.join(',') || 'none' : String(fallback)}`]),
  ]
  return notes.length > 0 ? `${description} (${notes.join('; ')})` : description
}

/** Adds `--config` and a flag for each setting. */
export function addSettings(command: CliCommand, settings: readonly SettingDescription[]): CliCommand {
  addConfigOption(command)
  for (const setting of settings) {
    const value = PLACEHOLDERS[setting.form]
    const flags = setting.form === 'boolean' ? `${setting.flag} [${value}]` : `${setting.flag} <${value}>`
    const option = new Option(flags, help(setting))
    // For completion alone: a wrong value is refused where all settings are, in the same words.
    if (setting.choices.length > 0) option.argChoices = [...setting.choices]
    command.addOption(option)
  }
  return command.addHelpText(
    'after',
    '\nEvery flag is also a line of reveille.yaml and a REVEILLE_ variable: docs/configuration.md',
  )
}

export function serveCommand(program: CliCommand, context: Context, settings: readonly SettingDescription[]): void {
  const command = leaf(program, 'serve', 'run the server, until it is told to stop (SIGINT, SIGTERM)', [
    'reveille serve --data-dir /srv/reveille --dhcp-mode proxy --dhcp-interfaces eth1',
    'REVEILLE_DHCP_MODE=server REVEILLE_DHCP_INTERFACES=eth1 reveille serve',
  ])
  addSettings(command, settings).action((options: Common & Record<string, unknown>) =>
    context.local.serve(settingFlags(options, settings)),
  )
}

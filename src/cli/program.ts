import type { SettingDescription } from '../config/describe.ts'
import { CliCommand } from './command.ts'
import { accessCommands } from './commands/access.ts'
import { agentCommands } from './commands/agent.ts'
import { applyCommand } from './commands/apply.ts'
import { backupCommands } from './commands/backup.ts'
import { bmcCommands } from './commands/bmc.ts'
import { completionCommands } from './commands/completion.ts'
import { configCommands } from './commands/config.ts'
import { consoleCommand } from './commands/console.ts'
import { deployCommands } from './commands/deploy.ts'
import { driverCommands } from './commands/driver.ts'
import { exportCommand } from './commands/export.ts'
import { guestCommands } from './commands/guest.ts'
import { hardwareCommands } from './commands/hardware.ts'
import { imageCommands } from './commands/image.ts'
import { importCommands } from './commands/import.ts'
import { labCommands } from './commands/lab.ts'
import { machineCommands } from './commands/machine.ts'
import { masterCommands } from './commands/maintenance.ts'
import { networkCommands } from './commands/network.ts'
import { powerCommands } from './commands/power.ts'
import { profileCommands } from './commands/profile.ts'
import { roomCommands } from './commands/room.ts'
import { serveCommand } from './commands/serve.ts'
import { serverCommands } from './commands/server.ts'
import { storageCommands } from './commands/storage.ts'
import { traceCommands } from './commands/trace.ts'
import { volumeCommands } from './commands/volume.ts'
import { whyCommand } from './commands/why.ts'
import type { Context } from './context.ts'

/** All commands. `settings` become flags of `serve` and `doctor`; leave them out where those are not called. */
export function buildProgram(context: Context, settings: readonly SettingDescription[], version: string): CliCommand {
  const program = new CliCommand('reveille')
    .description('Wakes bare metal: network-boots machines and tells you why when it does not work.')
    .version(version, '--version', 'print the version')
    .showSuggestionAfterError(true)
    // Options behind a command are that command's, also where one above it has the same.
    .enablePositionalOptions()
    .configureOutput({
      writeOut: (text) => context.terminal.out(text),
      writeErr: (text) => context.terminal.err(text),
      outputError: (text, write) => write(text.replace(/^error: /, 'reveille: ')),
    })
    .showHelpAfterError('See: reveille --help')
    .exitOverride()
  program.commandsGroup('Machines:')
  machineCommands(program, context)
  deployCommands(program, context)
  powerCommands(program, context)
  driverCommands(program, context)
  hardwareCommands(program, context)
  bmcCommands(program, context)
  consoleCommand(program, context)
  roomCommands(program, context)
  guestCommands(program, context)
  program.commandsGroup('What they become:')
  profileCommands(program, context)
  imageCommands(program, context)
  volumeCommands(program, context)
  configCommands(program, context)
  masterCommands(program, context)
  agentCommands(program, context)
  program.commandsGroup('What happened:')
  whyCommand(program, context)
  traceCommands(program, context)
  networkCommands(program, context)
  program.commandsGroup('A whole site:')
  applyCommand(program, context)
  exportCommand(program, context)
  importCommands(program, context)
  program.commandsGroup('This server:')
  serveCommand(program, context, settings)
  serverCommands(program, context, settings)
  storageCommands(program, context)
  accessCommands(program, context)
  backupCommands(program, context)
  program.commandsGroup('Trying it out:')
  labCommands(program, context)
  program.commandsGroup('Help:').helpCommand('help [command...]', 'show the help of a command')
  completionCommands(program, context)
  program.addHelpText(
    'after',
    '\nOn the server itself no password is needed. Elsewhere set REVEILLE_URL and REVEILLE_TOKEN.\nEach command has its own help: reveille help machine add\nExit status: 0 ok, 1 failed, 2 wrong use.',
  )
  inherit(program)
  return program
}

/** Commands that were made on their own do not take over these settings by themselves. */
function inherit(command: CliCommand): void {
  for (const part of command.parts) {
    part.copyInheritedSettings(command)
    part.showHelpAfterError(`See: reveille ${part.path} --help`)
    inherit(part)
  }
}

import { Argument } from 'commander'
import { type CliCommand, type Common, leaf, show } from '../command.ts'
import { attachConsole } from '../console.ts'
import type { Context } from '../context.ts'
import { Unsuccessful } from '../failure.ts'

export const POWER_ACTIONS = ['on', 'off', 'cycle', 'reset', 'soft'] as const

export function powerCommands(program: CliCommand, context: Context): void {
  leaf(program, 'power <machine>', 'read or switch the power of a machine', [
    'reveille power web1 status',
    'reveille power web1 cycle',
  ])
    .addArgument(
      new Argument('[action]', 'what to do; soft asks the system to shut down')
        .choices(['status', ...POWER_ACTIONS])
        .default('status'),
    )
    .action(async (machine: string, action: 'status' | (typeof POWER_ACTIONS)[number], options: Common) => {
      const client = await context.client()
      const params = { machine }
      const status =
        action === 'status' ? await client.getPower({ params }) : await client.setPower({ params, body: { action } })
      show(
        context,
        options,
        status,
        () => `${machine} is ${status.state === 'unknown' ? 'in an unknown state' : status.state} (${status.driver})\n`,
      )
    })

  leaf(program, 'console <machine>', 'connect to the serial console of a machine; Ctrl-] leaves it', [
    'reveille console web1',
    'reveille console web1 --log > boot.txt',
  ])
    .option('--log', 'print what it said so far, and end')
    .option('--agent', 'a shell on the management OS that the machine runs now, though it has a serial console')
    .action(async (machine: string, options: Common & { log?: boolean; agent?: boolean }) => {
      if (options.log) {
        const { body } = await (await context.client()).consoleLog({ params: { machine } })
        const pieces: Uint8Array[] = []
        for await (const piece of body) pieces.push(piece)
        const text = Buffer.concat(pieces).toString('utf8')
        show(context, options, { machine, log: text }, () => text)
        return
      }
      if (options.json) throw new Unsuccessful('a live console is no JSON; --json goes with --log')
      const write = (bytes: Uint8Array) => void process.stdout.write(bytes)
      await attachConsole(context, machine, { write, shell: options.agent })
    })
}

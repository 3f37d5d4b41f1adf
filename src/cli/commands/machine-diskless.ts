import { type CliCommand, type Common, leaf, seconds, show } from '../command.ts'
import type { Context } from '../context.ts'
import { finishBatch } from '../follow-batch.ts'
import { watchBoot } from './why.ts'

type SwitchOptions = Common & { profile: string; watch?: boolean; timeout?: number }

/** What machines with diskless profiles have besides. */
export function machineDisklessCommands(machine: CliCommand, context: Context): void {
  leaf(
    machine,
    'reset <machine>',
    'drop its own writes to its diskless disks, now or, when it is on, at its next boot',
    ['reveille machine reset pc01', 'reveille machine reset pc01 --profile desktop --kick'],
  )
    .option('--profile <profile>', 'only the disks of this profile, also those with the policy keep')
    .option('--kick', 'end its sessions and do it now, though it is on')
    .action(async (name: string, options: Common & { profile?: string; kick?: boolean }) => {
      const body = { profile: options.profile, kick: options.kick }
      const result = await (await context.client()).resetMachine({ params: { machine: name }, body })
      show(context, options, result, () => {
        const { reset, atNextBoot } = result
        const now = reset.length > 0 ? `reset: ${reset.join(', ')}\n` : ''
        const later = atNextBoot.length > 0 ? `reset at the next boot of ${name}: ${atNextBoot.join(', ')}\n` : ''
        return now + later || `${name} has written nothing of its own\n`
      })
    })

  leaf(machine, 'switch <machine>', 'let it boot a profile once, now: choose it, then power cycle', [
    'reveille machine switch pc01 --profile ubuntu --watch',
  ])
    .requiredOption('--profile <profile>', 'what it boots')
    .option('--watch', 'then follow that boot, stage by stage')
    .option('--timeout <seconds>', 'give up after this time, with status 1', seconds)
    .action(async (name: string, options: SwitchOptions) => {
      const since = context.clock.now()
      const { profile, timeout } = options
      const body = { action: 'switch' as const, machines: [name], profile }
      await finishBatch(context, await (await context.client()).startBatch({ body }), options)
      if (options.watch) await watchBoot(context, name, { json: options.json === true, since, timeout })
    })
}

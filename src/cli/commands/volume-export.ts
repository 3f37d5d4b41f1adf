import { setTimeout } from 'node:timers/promises'
import { all, type OutputOf } from '../../api/client/client.ts'
import { type CliCommand, type Common, leaf, seconds, show } from '../command.ts'
import type { Context } from '../context.ts'
import { Unsuccessful, WrongUse } from '../failure.ts'
import { facts } from '../table.ts'
import { sessionsText } from '../volume-text.ts'
import { readContent } from './volume-reference.ts'

type Exported = OutputOf<'exportVolume'>

/** The address alone on its line, so that scripts can take it; the secret below it, this once. */
function exportedText({ uri, chapUser, chapSecret }: Exported): string {
  if (chapSecret === null) return `${uri}\n`
  return `${uri}\n${facts([
    ['CHAP user', chapUser],
    ['CHAP secret', `${chapSecret} (not shown again)`],
  ])}`
}

type ExportOptions = Common & {
  initiator?: string
  address?: string
  readOnly?: boolean
  snapshot?: string
  chap?: boolean
}

/** What a session did changes from second to second: often enough to see it, seldom enough not to disturb. */
const WATCH_SECONDS = 2
const CLEAR = '\u001b[H\u001b[2J'

export function volumeExportCommands(volume: CliCommand, context: Context): void {
  const { terminal, clock, interrupted } = context

  leaf(volume, 'export <volume>', 'serve a volume over iSCSI; prints iscsi://HOST:PORT/IQN/LUN', [
    'reveille volume export work --initiator iqn.1993-08.org.debian:01:abc --chap',
    'reveille volume export work@clean --read-only --address 10.20.0.9',
  ])
    .option('--initiator <iqn>', 'only this initiator may log in; any if not given')
    .option('--address <address>', 'only from this IPv4 address; from any if not given')
    .option('--read-only', 'it may not be written')
    .option('--snapshot <snapshot>', 'what it held then, read-only; also written NAME@SNAPSHOT')
    .option('--chap', 'whoever logs in must know a secret, which is made now and printed this once')
    .action(async (reference: string, options: ExportOptions) => {
      const { volume: name, snapshot } = readContent(reference, options.snapshot)
      const { initiator, address, chap } = options
      // A frozen state cannot be written: asking for it is asking to read.
      const body = { initiator, address, snapshot, chap, readOnly: options.readOnly ?? snapshot !== null }
      const made = await (await context.client()).exportVolume({ params: { volume: name }, body })
      show(context, options, made, () => exportedText(made))
    })

  leaf(volume, 'unexport <volume> [export]', 'stop serving a volume; whoever is logged in is shut out', [
    'reveille volume unexport work',
  ])
    .option('--all', 'all its exports, when there are several')
    .action(async (name: string, id: string | undefined, options: Common & { all?: boolean }) => {
      const client = await context.client()
      const params = { volume: name }
      const ids = id === undefined ? (await client.getVolume({ params })).exports.map((each) => each.id) : [id]
      if (ids.length === 0) throw new Unsuccessful(`${name} is not exported`)
      if (ids.length > 1 && !options.all)
        throw new WrongUse(`${name} has several exports: ${ids.join(', ')}; name one of them, or give --all`)
      for (const each of ids) {
        await client.endExport({ params: { ...params, export: each } })
        show(context, options, { ended: each }, () => `${name} is not exported as ${each} any more\n`)
      }
    })

  leaf(volume, 'examine <volume>', 'hand a volume that was set aside to a machine, read-only', [
    'reveille volume examine test3 --machine analyst',
  ])
    .requiredOption('--machine <machine>', 'who may look at it')
    .action(async (name: string, options: Common & { machine: string }) => {
      const made = await (await context.client()).examineVolume({
        params: { volume: name },
        body: { machine: options.machine },
      })
      show(context, options, made, () => exportedText(made))
    })

  leaf(volume, 'sessions', 'who is logged in, since when, and how busy', [
    'reveille volume sessions',
    'reveille volume sessions --watch',
  ])
    .option('--watch', 'again and again, until Ctrl-C')
    .option('--every <seconds>', `with --watch: time between two looks (${WATCH_SECONDS} if not given)`, seconds)
    .action(async (options: Common & { watch?: boolean; every?: number }) => {
      const client = await context.client()
      const look = () => all(client.listSessions)
      if (!options.watch) {
        const sessions = await look()
        show(context, options, sessions, () => sessionsText(sessions, clock.now(), terminal.columns))
        return
      }
      while (!interrupted.aborted) {
        const sessions = await look()
        if (options.json) terminal.out(`${JSON.stringify(sessions)}\n`)
        else {
          const clear = terminal.columns === undefined ? '' : CLEAR
          terminal.out(`${clear}${sessionsText(sessions, clock.now(), terminal.columns)}`)
        }
        const wait = (options.every ?? WATCH_SECONDS) * 1000
        await setTimeout(wait, undefined, { signal: interrupted }).catch(() => undefined)
      }
    })

  leaf(volume, 'kick <session...>', 'end sessions; whoever was logged in may log in again', [
    'reveille volume kick 17',
  ]).action(async (ids: string[], options: Common) => {
    const client = await context.client()
    for (const session of ids) {
      await client.endSession({ params: { session } })
      show(context, options, { ended: session }, () => `the session ${session} is ended\n`)
    }
  })
}

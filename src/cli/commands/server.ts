import { watchEvents } from '../../api/client/events.ts'
import type { ApiProblem } from '../../api/client/problem.ts'
import type { Finding } from '../../api/contract/server.ts'
import type { SettingDescription } from '../../config/describe.ts'
import { Refusal } from '../../kit/errors.ts'
import { printable } from '../../kit/printable.ts'
import { type CliCommand, type Common, leaf, show } from '../command.ts'
import type { Context } from '../context.ts'
import { Unsuccessful } from '../failure.ts'
import { facts, table } from '../table.ts'
import { type Paint, paint, type Terminal } from '../terminal.ts'
import { duration } from '../units.ts'
import { addSettings, settingFlags } from './serve.ts'

const STATUS_PAINT: Readonly<Record<Finding['status'], Paint>> = { ok: 'green', warning: 'yellow', failed: 'red' }

function findingsText(terminal: Terminal, findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ check }) => check.length))
  const lines = findings.map(({ check, status, found, next }) => {
    const head = `${paint(terminal, STATUS_PAINT[status], status.padEnd(7))}  ${check.padEnd(width)}  ${printable(found)}\n`
    return next === null ? head : `${head}${' '.repeat(width + 11)}${printable(next)}\n`
  })
  const failed = findings.filter(({ status }) => status === 'failed').length
  const warnings = findings.filter(({ status }) => status === 'warning').length
  const verdict = failed === 0 && warnings === 0 ? 'All is well.' : `${failed} failed, ${warnings} to look at.`
  return `${lines.join('')}${verdict}\n`
}

/** A running server on this computer answers for itself; settings given here mean another one. */
async function findingsOf(context: Context, flags: Readonly<Record<string, string | undefined>>): Promise<Finding[]> {
  if (Object.keys(flags).length > 0) return context.local.doctor(flags)
  try {
    await context.target()
  } catch (error) {
    if (error instanceof Refusal && error.code === 'not-available') return context.local.doctor(flags)
    throw error
  }
  try {
    return (await (await context.client()).doctor()).findings
  } catch (error) {
    // A socket that nobody listens on is left behind by a server that was killed.
    if ((error as Partial<ApiProblem>).code === 'unreachable' && !context.environment.REVEILLE_URL)
      return context.local.doctor(flags)
    throw error
  }
}

export function serverCommands(program: CliCommand, context: Context, settings: readonly SettingDescription[]): void {
  const { terminal } = context

  addSettings(
    leaf(program, 'doctor', 'check ports, privileges, interfaces, other DHCP servers, boot files, disk and clock', [
      'reveille doctor',
      'reveille doctor --dhcp-mode server --dhcp-interfaces eth1',
    ]),
    settings,
  ).action(async (options: Common & Record<string, unknown>) => {
    const findings = await findingsOf(context, settingFlags(options, settings))
    show(context, options, findings, () => findingsText(terminal, findings))
    if (findings.some(({ status }) => status === 'failed')) throw new Unsuccessful('')
  })

  leaf(program, 'status', 'version, uptime, counts, and what listens where', ['reveille status']).action(
    async (options: Common) => {
      const status = await (await context.client()).getStatus()
      show(context, options, status, () => {
        const machines = Object.entries(status.machines)
          .filter(([, count]) => count > 0)
          .map(([state, count]) => `${count} ${state}`)
          .join(', ')
        const head = facts([
          ['version', status.version],
          ['up for', duration(context.clock.now() - Date.parse(status.startedAt))],
          ['machines', machines || 'none'],
          ['stalled boots', status.stalled],
          ['leases', status.leases],
          ['images', status.images],
          ['profiles', status.profiles],
          ['lab', status.lab ? 'on' : 'off'],
        ])
        return `${head}\n${table(
          ['service', 'where', 'state', 'reason'],
          status.listeners.map((each) => [each.service, each.where, each.state, each.reason]),
          terminal.columns,
        )}`
      })
    },
  )

  leaf(program, 'settings', 'every setting in force and where it came from', ['reveille settings']).action(
    async (options: Common) => {
      const { settings } = await (await context.client()).listSettings()
      const rows = settings.map(({ name, value, source }) => [
        name,
        typeof value === 'string' ? value : JSON.stringify(value),
        source,
      ])
      show(context, options, settings, () => table(['setting', 'value', 'from'], rows, terminal.columns))
    },
  )

  leaf(program, 'events', 'print what changes, as it happens; Ctrl-C ends it', ['reveille events --json']).action(
    async (options: Common) => {
      const client = await context.client()
      let stop = () => {}
      const ended = new Promise<void>((resolve, reject) => {
        context.interrupted.addEventListener('abort', () => resolve())
        if (context.interrupted.aborted) resolve()
        stop = watchEvents(client, {
          onEvent(event) {
            const line = `${new Date(context.clock.now()).toISOString()}  ${event.topic.padEnd(8)} ${event.change.padEnd(8)} ${printable(event.id)}`
            terminal.out(options.json ? `${JSON.stringify(event)}\n` : `${line}\n`)
          },
          onReset: () => terminal.err('Listening.\n'),
          onProblem(problem, final) {
            if (final) reject(problem)
            else terminal.err(`${printable(problem.detail)}; trying again\n`)
          },
        })
      })
      await ended.finally(stop)
    },
  )
}

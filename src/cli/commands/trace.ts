import { readFile } from 'node:fs/promises'
import type { Trace } from '../../api/contract/traces.ts'
import { printable } from '../../kit/printable.ts'
import { type CliCommand, type Common, group, leaf, show, wholeNumber } from '../command.ts'
import type { Context } from '../context.ts'
import { eventLines, verdictLine } from '../follow.ts'
import { facts, table } from '../table.ts'
import { paint, type Terminal } from '../terminal.ts'
import { ago, bytes, duration, timeOfDay } from '../units.ts'
import { addConfigOption, settingFlags } from './serve.ts'

function traceText(terminal: Terminal, trace: Trace): string {
  const head = facts([
    ['trace', trace.id],
    ['machine', trace.machine ? `${trace.machine.name} (${trace.mac})` : trace.mac],
    ['began', trace.startedAt],
    ['lasted', duration(Date.parse(trace.updatedAt) - Date.parse(trace.startedAt))],
    ['profile', trace.profile],
    ['sent', bytes(trace.bytesSent)],
  ])
  const dropped =
    trace.dropped > 0 ? `${trace.dropped} more events were left out: the trace had reached its limit\n` : ''
  const events = trace.events.map((event) => eventLines(terminal, event, trace.startedAt)).join('')
  return `${head}\n${events}${dropped}\n${verdictLine(terminal, trace)}`
}

export function traceCommands(program: CliCommand, context: Context): void {
  const { terminal } = context
  const trace = group(program, 'trace', 'look at boot traces')

  leaf(trace, 'list <machine>', 'list the boots of a machine, newest first', ['reveille trace list web1'])
    .option('--limit <count>', 'how many', wholeNumber(1), 20)
    .action(async (machine: string, options: Common & { limit: number }) => {
      const { items } = await (await context.client()).listTraces({
        params: { machine },
        query: { limit: options.limit },
      })
      show(context, options, items, () => {
        if (items.length === 0) return `${machine} has not booted from the network yet\n`
        const rows = items.map((each) => [
          each.id,
          ago(each.startedAt, context.clock.now()),
          each.state,
          each.stage,
          each.profile,
          each.headline,
        ])
        return table(['trace', 'began', 'state', 'stage', 'profile', 'what'], rows, terminal.columns)
      })
    })

  leaf(trace, 'show <trace>', 'show every packet and request of a boot, and why each was answered so', [
    'reveille trace show t_0123456789abcdef',
  ]).action(async (id: string, options: Common) => {
    const found = await (await context.client()).getTrace({ params: { trace: id } })
    show(context, options, found, () => traceText(terminal, found))
  })

  addConfigOption(
    leaf(trace, 'replay <file>', 'run recorded packets (pcap) through the decisions, without a server', [
      'tcpdump -i eth1 -w boot.pcap port 67 or port 69',
      'reveille trace replay boot.pcap',
    ]),
  ).action(async (file: string, options: Common & { config?: string }) => {
    const records = await context.local.replay(settingFlags(options), await readFile(file))
    show(context, options, records, () => {
      if (records.length === 0) return `${file} holds no DHCP or TFTP packet\n`
      return records
        .map(
          ({ at, summary, reason }) =>
            `${timeOfDay(new Date(at).toISOString())}  ${printable(summary)}\n${reason ? `              ${paint(terminal, 'dim', printable(reason))}\n` : ''}`,
        )
        .join('')
    })
  })
}

import type { ResponseOf } from '../../api/contract/route.ts'
import type { Contract } from '../../api/contract.ts'
import { printable } from '../../kit/printable.ts'
import { type CliCommand, type Common, leaf, show } from '../command.ts'
import type { Context } from '../context.ts'
import { facts, table } from '../table.ts'
import { paint } from '../terminal.ts'
import { ago, bytes } from '../units.ts'
import { waitForDeployment } from './deploy.ts'

type Found = ResponseOf<Contract['getInventory']>
type Disk = Found['inventory']['disks'][number]

/** What lies on a disk, one entry for each partition or for the whole. */
function contents({ partitions, filesystem, table: kind }: Disk): string {
  const name = (found: Disk['filesystem']) => (found ? [found.type, found.label].filter(Boolean).join(' ') : '?')
  if (kind === null) return filesystem ? name(filesystem) : 'nothing known'
  return `${kind}: ${partitions.map((each) => `${each.number} ${name(each.filesystem)} (${bytes(each.bytes)})`).join(', ')}`
}

function inventoryText({ inventory, takenAt }: Found, context: Context): string {
  const { smbios, cpu, memoryBytes, nics, disks, firmware, ipmi, bootEntries } = inventory
  const { terminal, clock } = context
  const head = facts([
    ['taken', ago(takenAt, clock.now())],
    ['machine', [smbios.manufacturer, smbios.product].filter(Boolean).join(' ')],
    ['serial', smbios.serial],
    ['firmware', [firmware, smbios.biosVersion, smbios.biosDate].filter(Boolean).join(', ')],
    ['processor', `${cpu.model}, ${cpu.sockets} x ${cpu.cores} cores, ${cpu.threads} threads`],
    ['memory', bytes(memoryBytes)],
    ['BMC', ipmi ? 'answers on the local interface' : 'none seen'],
    ['boot order', bootEntries.map(({ name }) => printable(name)).join(', ')],
  ])
  const cards = nics.map((nic) => [
    nic.name,
    nic.mac,
    nic.driver,
    nic.link ? `${nic.speedMbps ?? '?'} Mbit/s` : 'no link',
  ])
  const drives = disks.map((disk) => [
    disk.serial ?? '(none)',
    disk.model,
    bytes(disk.bytes),
    disk.transport,
    disk.problem ?? (disk.health && !disk.health.passed ? `FAILING: ${disk.health.detail}` : 'ok'),
    contents(disk),
  ])
  const title = (text: string) => `\n${paint(terminal, 'bold', text)}\n`
  return [
    head,
    title('Network cards'),
    table(['name', 'MAC', 'driver', 'link'], cards, terminal.columns),
    title('Disks'),
    table(['serial', 'model', 'size', 'by', 'health', 'holds'], drives, terminal.columns),
  ].join('')
}

/** `reveille machine inventory`. */
export function inventoryCommand(machine: CliCommand, context: Context): void {
  leaf(machine, 'inventory <machine>', 'show the hardware of a machine as the management OS last found it', [
    'reveille machine inventory web1',
    'reveille machine inventory web1 --take',
  ])
    .option('--take', 'boot the management OS and look now')
    .action(async (name: string, options: Common & { take?: boolean }) => {
      const client = await context.client()
      const params = { machine: name }
      if (options.take) {
        const order = await client.createDeployment({ params, body: { action: { kind: 'inventory' } } })
        await waitForDeployment(context, order.id, { json: false })
      }
      const found = await client.getInventory({ params })
      show(context, options, found, () => inventoryText(found, context))
    })
}

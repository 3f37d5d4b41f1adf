import { Argument } from 'commander'
import type { InputOf } from '../../api/client/client.ts'
import { type CliCommand, type Common, group, leaf, show, wholeNumber } from '../command.ts'
import type { Context } from '../context.ts'
import { Unsuccessful, WrongUse } from '../failure.ts'
import { facts, table } from '../table.ts'

/** As `BOOT_DEVICES` of the contract, which would bring all schemas along; a test compares them. */
export const BOOT_DEVICES = ['pxe', 'http', 'disk', 'cdrom', 'usb', 'media', 'setup', 'diag'] as const

type BootOrder = NonNullable<NonNullable<InputOf<'setBootOrder'>['body']>['order']>
type Options = Common & { driver?: string }

const DRIVER = ['--driver <driver>', 'ask this driver; the first that can if not given'] as const

function orderText(order: BootOrder | null): string {
  if (!order) return 'nothing in particular'
  return `${order.device}, ${order.persistent ? 'always' : 'the next time'}, as ${order.efi ? 'UEFI' : 'legacy BIOS'}`
}

export function hardwareCommands(program: CliCommand, context: Context): void {
  const { terminal } = context
  const hardware = group(program, 'hardware', "ask a machine's own BMC: sensors, events, parts, boot order, lamp, disc")

  leaf(hardware, 'sensors <machine>', 'read its sensors', ['reveille hardware sensors web1'])
    .option(...DRIVER)
    .action(async (machine: string, { driver, ...options }: Options) => {
      const said = await (await context.client()).readSensors({ params: { machine }, query: { driver } })
      show(context, options, said, () =>
        table(
          ['sensor', 'reading', 'state', 'low', 'high'],
          said.items.map((each) => [
            each.name,
            each.value === null ? each.text : `${each.value} ${each.unit}`.trim(),
            each.state,
            each.lowCritical ?? each.lowWarning,
            each.highCritical ?? each.highWarning,
          ]),
          terminal.columns,
        ),
      )
    })

  leaf(hardware, 'events <machine>', 'read its own event log (SEL)', [
    'reveille hardware events web1',
    'reveille hardware events web1 --clear',
  ])
    .option(...DRIVER)
    .option('--clear', 'clear the log instead')
    .action(async (machine: string, { driver, clear, ...options }: Options & { clear?: boolean }) => {
      const client = await context.client()
      const asked = { params: { machine }, query: { driver } }
      if (clear) {
        await client.clearHardwareEvents(asked)
        show(context, options, { cleared: machine }, () => `the event log of ${machine} is cleared\n`)
        return
      }
      const said = await client.readHardwareEvents(asked)
      show(context, options, said, () =>
        said.items.length === 0
          ? 'the log is empty\n'
          : table(
              ['id', 'when', 'severity', 'sensor', 'event'],
              said.items.map((each) => [each.id, each.at ?? 'clock not set', each.severity, each.sensor, each.text]),
              terminal.columns,
            ),
      )
    })

  leaf(hardware, 'fru <machine>', 'what it says it is made of', ['reveille hardware fru web1'])
    .option(...DRIVER)
    .action(async (machine: string, { driver, ...options }: Options) => {
      const said = await (await context.client()).readFru({ params: { machine }, query: { driver } })
      show(context, options, said, () =>
        facts([
          ['manufacturer', said.manufacturer],
          ['product', said.product],
          ['part number', said.partNumber],
          ['serial', said.serial],
          ['asset tag', said.assetTag],
          ['board manufacturer', said.boardManufacturer],
          ['board product', said.boardProduct],
          ['board serial', said.boardSerial],
          ['chassis serial', said.chassisSerial],
          ['said by', said.driver],
        ]),
      )
    })

  leaf(hardware, 'boot-order <machine>', 'what its firmware was told to boot from, or tell it; read back from it', [
    'reveille hardware boot-order web1',
    'reveille hardware boot-order web1 pxe --efi',
    'reveille hardware boot-order web1 disk --persistent',
    'reveille hardware boot-order web1 none',
  ])
    .addArgument(
      new Argument('[device]', 'what to boot from; none takes an order back').choices(['none', ...BOOT_DEVICES]),
    )
    .option(...DRIVER)
    .option('--persistent', 'always, and not just the next time')
    .option('--efi', 'as UEFI, and not as legacy BIOS')
    .action(
      async (
        machine: string,
        device: 'none' | BootOrder['device'] | undefined,
        { driver, persistent, efi, ...options }: Options & { persistent?: boolean; efi?: boolean },
      ) => {
        const client = await context.client()
        const asked = { params: { machine }, query: { driver } }
        if (device === undefined) {
          if (persistent || efi) throw new WrongUse('--persistent and --efi go with a device, such as pxe')
          const said = await client.getBootOrder(asked)
          show(context, options, said, () => `${machine} is told to boot ${orderText(said.order)} (${said.driver})\n`)
          return
        }
        const order = device === 'none' ? null : { device, persistent: persistent ?? false, efi: efi ?? false }
        const said = await client.setBootOrder({ ...asked, body: { order } })
        show(context, options, said, () => `${machine} is told to boot ${orderText(said.order)} (${said.driver})\n`)
        if (said.confirmed === false)
          throw new Unsuccessful(`${said.driver} said yes, but what it reads back is not what was ordered`)
      },
    )

  leaf(hardware, 'identify <machine>', 'light its lamp', [
    'reveille hardware identify web1 --seconds 60',
    'reveille hardware identify web1 --off',
  ])
    .option(...DRIVER)
    .option('--seconds <number>', 'how long, at most 255; 15 if not given', wholeNumber(1))
    .option('--on', 'until it is put out')
    .option('--off', 'put it out')
    .action(
      async (
        machine: string,
        { driver, seconds, on, off, ...options }: Options & { seconds?: number; on?: boolean; off?: boolean },
      ) => {
        if ([seconds !== undefined, on, off].filter(Boolean).length > 1)
          throw new WrongUse('give one of --seconds, --on and --off')
        const body = { seconds: on ? null : off ? 0 : seconds }
        await (await context.client()).identifyMachine({ params: { machine }, query: { driver }, body })
        const what = off ? 'is out' : on ? 'is on' : `is on for ${seconds ?? 15} seconds`
        show(context, options, { machine, lamp: what }, () => `the lamp of ${machine} ${what}\n`)
      },
    )

  leaf(hardware, 'media <machine> [disc]', 'what is in its virtual drive, or put something in', [
    'reveille hardware media web1',
    'reveille hardware media web1 boot',
    'reveille hardware media web1 rescue-iso',
    'reveille hardware media web1 --eject',
  ])
    .option(...DRIVER)
    .option('--eject', 'take the disc out')
    .action(
      async (
        machine: string,
        disc: string | undefined,
        { driver, eject, ...options }: Options & { eject?: boolean },
      ) => {
        if (disc !== undefined && eject) throw new WrongUse('name a disc, or give --eject')
        const client = await context.client()
        const asked = { params: { machine }, query: { driver } }
        const said =
          disc === undefined && !eject
            ? await client.getMedia(asked)
            : await client.setMedia({ ...asked, body: { media: disc ?? null } })
        show(context, options, said, () =>
          said.url === null
            ? `the drive of ${machine} is empty (${said.driver})\n`
            : `${machine} has ${said.url} (${said.driver})\n`,
        )
      },
    )
}

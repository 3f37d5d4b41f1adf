import { readGpt } from '../../protocols/disk/describe.ts'
import { guidBytes } from '../../protocols/disk/guid.ts'
import { encodeBootOrder, encodeLoadOption } from '../../protocols/efi/load-option.ts'
import { chooseDisk, listDisks } from '../disk/find.ts'
import { openDisk } from '../disk/open.ts'
import { EfiVariables } from '../efi/variables.ts'
import { Inside } from '../identity/inside.ts'
import { orderOf, readEntries } from '../inventory/boot-entries.ts'
import { namesIn } from '../inventory/tree.ts'
import { whileMounted } from '../mounting/mounted.ts'
import { placesOn } from '../mounting/partitions.ts'
import { ProgramError } from '../program.ts'
import { TaskFailure, type TaskOf, type TaskRunner } from '../task.ts'
import { planBoot } from './place.ts'

/** Type of an EFI system partition (UEFI 2.10, table 5.7). */
const SYSTEM_PARTITION = 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B'

/**
 * Makes sure that UEFI firmware knows the disk, next behind the network, and reads that back from the firmware. On BIOS machines
 * nothing is to be done. Writes nothing to the disk.
 */
export const runBootEntry: TaskRunner<TaskOf<'boot-entry'>> = async ({ on }, { progress, log }) => {
  progress({ phase: 'boot entry' })
  const variables = await EfiVariables.open()
  if (!variables)
    return { summary: 'The machine boots by BIOS: it needs no entry', clean: true, detail: { firmware: 'bios' } }
  const disk = chooseDisk(await listDisks(), on)
  const found = await systemPartition(disk.path).catch((error: unknown) => {
    if (error instanceof ProgramError)
      throw new TaskFailure(`The EFI system partition cannot be read: ${error.message}`)
    throw error
  })
  if (!found)
    throw new TaskFailure(
      `${disk.path} has no EFI system partition with a boot program: this machine boots by UEFI, the image is made for BIOS`,
    )
  const { partition, file } = found
  const name = `Reveille ${disk.serial ?? disk.name}`
  const plan = planBoot(
    await readEntries(variables),
    orderOf(await variables.read('BootOrder')),
    orderOf(await variables.read('BootCurrent'))[0],
    {
      name,
      partition,
      file,
    },
  )
  try {
    if (plan.create) {
      const value = encodeLoadOption({ name, path: [partition, { kind: 'file', path: file }] })
      await variables.write(`Boot${plan.number}`, value)
      await expectValue(variables, `Boot${plan.number}`, value)
    }
    if (plan.order) {
      await variables.write('BootOrder', encodeBootOrder(plan.order))
      await expectValue(variables, 'BootOrder', encodeBootOrder(plan.order))
    }
    for (const number of plan.remove) await variables.remove(`Boot${number}`)
  } catch (error) {
    if (error instanceof TaskFailure) throw error
    const code = (error as NodeJS.ErrnoException).code ?? String(error)
    throw new TaskFailure(
      `The firmware refused the boot entry (${code}): look for full or locked variables in its setup`,
    )
  }
  const order = orderOf(await variables.read('BootOrder'))
  log('info', `boot order ${order.join(', ')}; the disk is ${plan.number} (${file})`)
  const words = plan.create ? 'made' : 'was there'
  return {
    summary: `The entry Boot${plan.number} for ${file} ${words}; order ${order.join(', ')}`,
    clean: true,
    detail: { firmware: 'uefi', entry: plan.number, file, order, created: plan.create },
  }
}

async function expectValue(variables: EfiVariables, name: string, value: Uint8Array): Promise<void> {
  const now = await variables.read(name)
  if (!now || !Buffer.from(now).equals(value))
    throw new TaskFailure(
      `The firmware did not keep ${name} as it was written: look for locked boot options in its setup`,
    )
}

async function systemPartition(path: string) {
  const disk = await openDisk(path, { write: false })
  const read = async (offset: number, length: number) => {
    const bytes = new Uint8Array(length)
    await disk.read(offset, bytes)
    return bytes
  }
  const gpt = await readGpt(read, disk.bytes).finally(() => disk.close())
  const places = await placesOn(path)
  for (const entry of gpt?.entries.filter(({ type }) => type === SYSTEM_PARTITION) ?? []) {
    const place = places.find(({ number, filesystem }) => number === entry.number && filesystem?.type === 'vfat')
    const file = place && (await whileMounted({ path: place.path, type: 'vfat', write: false }, bootProgram))
    if (!file) continue
    const blocks = entry.lastLba - entry.firstLba + 1
    return {
      file,
      partition: {
        kind: 'partition' as const,
        number: entry.number,
        firstLba: entry.firstLba,
        blocks,
        guid: guidBytes(entry.guid),
      },
    }
  }
  return undefined
}

/** Suffix of boot programs for this architecture (UEFI 2.10, table 3.2). */
const SUFFIX = process.arch === 'arm64' ? 'aa64' : 'x64'

/**
 * The program of the one distribution on an EFI system partition, else the one at the default path. Distributions that are started by the
 * default path make an entry for themselves and put it before the network.
 */
export async function bootProgram(mounted: string): Promise<string | undefined> {
  const system = new Inside(mounted)
  const found: string[] = []
  for (const folder of await namesIn(mounted, 'EFI')) {
    if (/^(boot|microsoft)$/i.test(folder)) continue
    const names = [`shim${SUFFIX}.efi`, `grub${SUFFIX}.efi`, `systemd-boot${SUFFIX}.efi`]
    for (const name of names) {
      if (!(await system.exists(`/EFI/${folder}/${name}`))) continue
      found.push(`\\EFI\\${folder}\\${name}`)
      break
    }
  }
  if (found.length === 1) return found[0]
  const standard = `BOOT${SUFFIX.toUpperCase()}.EFI`
  return (await system.exists(`/EFI/BOOT/${standard}`)) ? `\\EFI\\BOOT\\${standard}` : found[0]
}

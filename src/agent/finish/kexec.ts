import { join } from 'node:path'
import { listDisks } from '../disk/find.ts'
import { findRoot } from '../identity/find-root.ts'
import { Inside } from '../identity/inside.ts'
import { namesIn } from '../inventory/tree.ts'
import { whileMounted } from '../mounting/mounted.ts'
import { type Place, placesOn } from '../mounting/partitions.ts'
import { runProgram } from '../program.ts'

/** Loads kernel, initrd and command line of the one installed system. Rejects with the reason when that is not clear. */
export async function loadInstalledKernel(): Promise<true> {
  const disks = await listDisks()
  const places = (await Promise.all(disks.map(({ path }) => placesOn(path).catch(() => [])))).flat()
  const { place, type, folder } = await findRoot(places)
  return whileMounted({ path: place.path, type, write: false }, async (mounted) => {
    const system = new Inside(join(mounted, folder))
    const config =
      (await system.read('/boot/grub/grub.cfg')) ??
      (await system.read('/boot/grub2/grub.cfg')) ??
      (await besideTheLoader(places))
    const boot = config === undefined ? undefined : firstBoot(config)
    if (!boot) throw new Error('no boot loader configuration with a kernel was found')
    const names = await namesIn(await system.resolve('/boot'))
    const at = async (name: string) => {
      const base = name.slice(name.lastIndexOf('/') + 1)
      if (!names.includes(base)) throw new Error(`/boot has no ${base}`)
      return system.resolve(`/boot/${base}`)
    }
    const initrd = boot.initrd ? [`--initrd=${await at(boot.initrd)}`] : []
    // By the file (-a), which lets the kernel see a signature: the older call is refused with Secure Boot on.
    await runProgram('kexec', ['-a', '-l', await at(boot.kernel), ...initrd, `--command-line=${boot.line}`], {
      seconds: 60,
    })
    return true as const
  })
}

/** Where `reveille image build` puts the menu: on the EFI system partition, which both firmwares read. */
async function besideTheLoader(places: readonly Place[]): Promise<string | undefined> {
  for (const { path, filesystem } of places) {
    if (filesystem?.type !== 'vfat') continue
    const config = await whileMounted({ path, type: 'vfat', write: false }, (folder) =>
      new Inside(folder).read('/grub/grub.cfg'),
    )
    if (config !== undefined) return config
  }
  return undefined
}

/** The first entry of a GRUB menu; one with variables in it cannot be understood here. */
export function firstBoot(config: string): { kernel: string; line: string; initrd: string | undefined } | undefined {
  const linux = /^\s*linux(?:efi)?\s+(\S+)[ \t]*(.*)$/m.exec(config)
  if (!linux || /\$/.test(linux[0])) return undefined
  const rest = config.slice(linux.index + linux[0].length)
  const end = rest.search(/^\s*\}/m)
  const entry = end < 0 ? rest : rest.slice(0, end)
  const initrd = /^\s*initrd(?:efi)?\s+(\S+)\s*$/m.exec(entry)?.[1]
  // Each word may stand between single quotes, where nothing has a meaning (GRUB manual, "Quoting").
  const plain = (text: string) => text.replace(/'([^']*)'/g, '$1')
  return { kernel: plain(linux[1]!), line: plain(linux[2]!.trim()), initrd: initrd && plain(initrd) }
}

import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { Images } from '../images/images.ts'
import type { Profiles } from '../profiles/profiles.ts'
import type { LabLinux } from './linux.ts'

/** The name of both the image and the profile. */
export const LAB_LINUX = 'lab-linux'

/** Makes the lab's small Linux an image version and a profile like any other; does nothing when this very one is there. */
export async function offerLabLinux(
  { images, profiles }: { images: Images; profiles: Pick<Profiles, 'get' | 'create'> },
  bundle: LabLinux,
): Promise<void> {
  if (!images.get(LAB_LINUX))
    await images.create({ name: LAB_LINUX, kind: 'bundle', description: 'A small Linux in memory, for lab machines' })
  if (images.resolve(LAB_LINUX)?.version.note !== bundle.version) {
    const kernel = await images.blobs.put(...(await fileOf(bundle.kernelPath)))
    const initrd = await images.blobs.put(...(await fileOf(bundle.initrdPath)))
    const files = [
      { role: 'kernel', name: 'vmlinuz', sha256: kernel.sha256 },
      { role: 'initrd', name: 'initrd.zst', sha256: initrd.sha256 },
    ] as const
    await images.addVersion(LAB_LINUX, { files, cmdline: bundle.cmdline, note: bundle.version }, 'lab')
  }
  if (!profiles.get(LAB_LINUX)) {
    const description = 'Boots the small Linux of the lab: it says that it arrived, and gives a shell'
    await profiles.create({
      name: LAB_LINUX,
      kind: 'live',
      description,
      image: LAB_LINUX,
      cmdline: '',
      files: [],
      config: null,
      disks: [],
    })
  }
}

async function fileOf(path: string): Promise<[AsyncIterable<Uint8Array>, { limit: number }]> {
  return [createReadStream(path), { limit: (await stat(path)).size }]
}

import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { runBootEntry } from '../../../src/agent/boot-entry/boot-entry.ts'
import { listDisks } from '../../../src/agent/disk/find.ts'
import { openDisk } from '../../../src/agent/disk/open.ts'
import { growDisk } from '../../../src/agent/grow/grow.ts'
import { runIdentity } from '../../../src/agent/identity/identity.ts'
import { takeInventory } from '../../../src/agent/inventory/inventory.ts'
import { whileMounted } from '../../../src/agent/mounting/mounted.ts'
import { placesOn } from '../../../src/agent/mounting/partitions.ts'
import type { Around } from '../../../src/agent/task.ts'
import { runWipe } from '../../../src/agent/wipe/wipe.ts'
import { emptyGpt, layOutGpt } from '../../../src/protocols/disk/gpt.ts'
import { uefiDisk } from './disks.ts'

/** An agent without a server: does the tasks around a flash on the machine's first disk, and prints what came of each. */
const say = (name: string, value: unknown) => console.log(`TASK ${name} ${JSON.stringify(value)}`)
const GUID = '6B2F9F0E-52C1-4D27-8F5E-0E2A54B1C0'
const ESP = 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B'
const LINUX = '0FC63DAF-8483-4772-8E79-3D69D8477DE4'
const MIB = 1024 * 1024

const around = {
  log: (level: string, text: string) => console.log(`LOG ${level} ${text}`),
  progress: () => undefined,
  markDirty: async () => undefined,
  stopped: new AbortController().signal,
} as unknown as Around

/** A disk as an image of half its size leaves it: boot program, small root, no backup of the table at the end. */
async function flashed(path: string): Promise<void> {
  const disk = await openDisk(path, { write: true })
  const half = disk.bytes / 2
  const entry = (number: number, type: string, first: number, last: number) => ({
    ...{ number, type, guid: `${GUID}0${number}`, attributes: '0000000000000000', name: `part ${number}` },
    firstLba: (first * MIB) / 512,
    lastLba: (last * MIB) / 512 - 1,
  })
  const entries = [entry(1, ESP, 1, 17), entry(2, LINUX, 17, 60)]
  for (const { offset, bytes } of layOutGpt({ ...emptyGpt(half, { diskGuid: `${GUID}00` }), entries }, half))
    await disk.write(offset, bytes)
  await disk.flush()
  await disk.close()
  const [esp, root] = await placesOn(path)
  const partition = await openDisk(esp!.path, { write: true })
  await partition.write(0, uefiDisk())
  await partition.flush()
  await partition.close()
  execFileSync('mke2fs', ['-q', '-t', 'ext4', '-L', 'root', root!.path])
  const put = (at: string, type: string, files: Record<string, string>) =>
    whileMounted({ path: at, type, write: true }, async (mounted) => {
      for (const [name, content] of Object.entries(files)) {
        mkdirSync(dirname(join(mounted, name)), { recursive: true })
        writeFileSync(join(mounted, name), content)
      }
    })
  await put(root!.path, 'ext4', { 'etc/os-release': 'ID=debian\n', 'etc/shadow': 'root:*:1:0:::::\n' })
}

try {
  say('inventory', await takeInventory())
  const disk = (await listDisks())[0]!
  const on = { serial: disk.serial!, bytes: disk.bytes, fingerprint: null, partition: null }
  await flashed(disk.path)
  say('grow', await growDisk(disk.path, around))
  const identity = {
    hostname: 'node1',
    sshKeys: [],
    passwordHash: '$6$a$b',
    userData: null,
    metaData: null,
    ignition: null,
  }
  say('identity', (await runIdentity({ kind: 'identity', on, identity }, around)).summary)
  say('boot-entry', (await runBootEntry({ kind: 'boot-entry', on }, around)).detail)
  say('again', (await runBootEntry({ kind: 'boot-entry', on }, around)).detail)
  const after = await takeInventory()
  say('after', { entries: after.bootEntries, disk: after.disks[0] })
  say('wipe', (await runWipe({ kind: 'wipe', disk: on, method: 'auto' }, around)).detail)
  console.log('TASKS DONE')
} catch (error) {
  console.log(`TASKS FAILED ${error instanceof Error ? error.stack : error}`)
}
setInterval(() => undefined, 60_000)

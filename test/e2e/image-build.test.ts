import { execFile, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildImage, type ImageOrder } from '../../src/imaging/build.ts'
import { makeRoot } from './bed/system.ts'

const run = promisify(execFile)
const ARRIVED = 'REVEILLE-BUILT: init of the disk runs'

const ROOT_INIT = `#!/bin/sh
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
/bin/busybox mount -t devtmpfs dev /dev
firmware=bios
[ -d /sys/firmware/efi ] && firmware=uefi
/bin/busybox touch /written
echo "${ARRIVED}, firmware=$firmware, name=$(/bin/busybox cat /etc/hostname), owner=$(/bin/busybox stat -c %u:%g:%a /home/ada)" >/dev/console
/bin/busybox cat /proc/cmdline >/dev/console
/bin/busybox sync
/bin/busybox poweroff -f
`

let work = ''
let root = ''

/** A root filesystem as a container would export it: no kernel's directories, and the mark of a container. */
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), `reveille-image-build-${process.pid}-`))
  root = join(work, 'root')
  await makeRoot(root, ROOT_INIT)
  await writeFile(join(root, 'boot', 'vmlinuz-5.9.0'), 'an older one')
  await writeFile(join(root, '.dockerenv'), '')
  await run('chown', ['1234:1235', join(root, 'home/ada')])
  await run('chmod', ['2750', join(root, 'home/ada')])
})
afterAll(() => rm(work, { recursive: true, force: true }))

function order(file: string, more: Partial<ImageOrder> = {}): ImageOrder {
  return { file: join(work, file), from: root, cmdline: 'console=ttyS0 quiet', firmware: ['bios', 'uefi'], ...more }
}

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const piece of createReadStream(path)) hash.update(piece)
  return hash.digest('hex')
}

/** What a machine prints on its serial port from power-on until it switches itself off. */
async function boot(disk: string, firmware: 'bios' | 'uefi'): Promise<string> {
  const variables = join(work, 'variables.fd')
  await copyFile('/usr/share/OVMF/OVMF_VARS_4M.fd', variables)
  const uefi = [
    ...['-machine', 'q35'],
    ...['-drive', 'if=pflash,unit=0,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd'],
    ...['-drive', `if=pflash,unit=1,format=raw,file=${variables}`],
  ]
  const machine = spawn('qemu-system-x86_64', [
    ...['-nodefaults', '-display', 'none', '-device', 'VGA', '-m', '512', '-no-reboot', '-serial', 'stdio'],
    ...(firmware === 'uefi' ? uefi : ['-machine', 'pc']),
    ...['-drive', `if=none,id=disk,format=raw,file=${disk},discard=unmap`, '-device', 'virtio-blk-pci,drive=disk'],
  ])
  const guard = setTimeout(() => machine.kill(), 240_000)
  let printed = ''
  machine.stdout.on('data', (piece: Buffer) => {
    printed += piece.toString('latin1')
  })
  await new Promise((resolve) => machine.once('exit', resolve))
  clearTimeout(guard)
  return printed
}

describe('a disk built from a directory', () => {
  test('boots by BIOS and by UEFI, from the kernel in it, and is its own root filesystem', async () => {
    const built = await buildImage(order('built.img'), () => undefined)
    expect(built.kernel).toMatch(/^\/boot\/vmlinuz-6/)
    expect(built.notes).toEqual([])
    for (const firmware of ['bios', 'uefi'] as const) {
      const printed = await boot(built.file, firmware)
      expect(printed).toContain(`${ARRIVED}, firmware=${firmware}, name=built, owner=1234:1235:2750`)
      expect(printed).toContain(`root=PARTUUID=${built.rootPartition} rw console=ttyS0 quiet`)
    }
    const at = `${built.file}?offset=${64 * 1024 * 1024}`
    const { stdout } = await run('/usr/sbin/debugfs', ['-R', 'ls -p /', at])
    const names = stdout.split('\n').map((line) => line.split('/')[5])
    expect(names).toEqual(expect.arrayContaining(['written', 'dev', 'proc', 'run', 'sys', 'tmp']))
    expect(names).not.toContain('.dockerenv')
  })
})

describe('from a tar archive', () => {
  test('comes the same disk, byte for byte, as root and as an ordinary user', async () => {
    const tar = join(work, 'root.tar.gz')
    await run('tar', ['-czf', tar, '-C', root, '.'])
    const first = await buildImage(order('first.img'), () => undefined)
    const second = await buildImage(order('second.img', { from: tar }), () => undefined)
    expect(await sha256(second.file)).toBe(await sha256(first.file))

    const home = join(work, 'home')
    await mkdir(home)
    await run('chmod', ['777', home])
    await run('chmod', ['755', work])
    const program = `
      import { buildImage } from ${JSON.stringify(join(process.cwd(), 'src/imaging/build.ts'))}
      await buildImage(${JSON.stringify({ ...order(''), file: join(home, 'third.img'), from: tar })}, () => undefined)`
    await run(
      'setpriv',
      [
        '--reuid',
        '65534',
        '--regid',
        '65534',
        '--clear-groups',
        process.execPath,
        '--input-type=module-typescript',
        '-e',
        program,
      ],
      {
        env: { ...process.env, HOME: home },
      },
    )
    expect(await sha256(join(home, 'third.img'))).toBe(await sha256(first.file))
  })
})

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { bootDisc } from '../../src/boot/media/build.ts'
import { readDiscPrograms } from '../../src/boot/media/programs.ts'
import { parseIpv4 } from '../../src/kit/ip.ts'
import type { Mac } from '../../src/kit/mac.ts'
import { readPieces } from '../../src/kit/pieces.ts'
import { run } from './redfish-host.ts'

const MAC = '52:54:00:d1:5c:01' as Mac
const QEMU = '/usr/bin/qemu-system-x86_64'
const OVMF = '/usr/share/OVMF/OVMF_CODE_4M.fd'

let folder: string
let port: number
let stop: () => void
/** What machines told, when they had booted. */
let seen: string[]

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reveille-disc-'))
  seen = []
  const server = createServer((request, response) => {
    if (request.url === '/boot/start.ipxe')
      response.end(`#!ipxe\nchain http://10.0.2.2:${port}/seen/\${platform}/\${netX/mac}/\${netX/ip} ||\npoweroff\n`)
    else {
      seen.push(decodeURIComponent(request.url ?? ''))
      response.writeHead(404).end()
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  port = (server.address() as AddressInfo).port
  stop = () => server.close().closeAllConnections()
})
afterEach(async () => {
  stop()
  await rm(folder, { recursive: true, force: true })
})

async function disc(): Promise<string> {
  const ip = (text: string) => parseIpv4(text)!
  const network = { ip: ip('10.0.2.77'), netmask: ip('255.255.255.0'), gateway: ip('10.0.2.2'), dns: null }
  const image = bootDisc(await readDiscPrograms(), { macs: [MAC], network, base: `http://10.0.2.2:${port}` })
  const path = join(folder, 'boot.iso')
  await writeFile(path, readPieces(image, 0, image.size))
  return path
}

/** Runs a machine until it said that it booted. */
async function machine(args: readonly string[], more = ''): Promise<void> {
  const network = ['-netdev', `user,id=n,net=10.0.2.0/24${more}`, '-device', `e1000,netdev=n,mac=${MAC},romfile=`]
  const quiet = ['-display', 'none', '-serial', 'none', '-monitor', 'none', '-m', '512', '-accel', 'tcg']
  const qemu = spawn(QEMU, [...quiet, ...network, ...args], { stdio: 'ignore' })
  const ended = once(qemu, 'exit')
  try {
    await expect.poll(() => seen.length, { timeout: 300_000, interval: 200 }).toBeGreaterThan(0)
  } finally {
    qemu.kill('SIGKILL')
    await ended
  }
}

describe.runIf(existsSync(QEMU) && existsSync('/usr/lib/ipxe/ipxe.iso'))('the disc that boots from this server', () => {
  test('a BIOS boots from it with the address on it, and nobody is asked for one', async () => {
    await machine(['-cdrom', await disc(), '-boot', 'd'])
    expect(seen[0]).toBe(`/seen/pcbios/${MAC}/10.0.2.77`)
  })

  test.runIf(existsSync(OVMF))('UEFI boots from it as a disc and as a stick', async () => {
    // Debian 12's iPXE reads no script from a disc: there DHCP must lead to the server, as it does on networks that we serve.
    const path = await disc()
    const vars = join(folder, 'vars.fd')
    const firmware = ['-machine', 'q35', '-drive', `if=pflash,format=raw,readonly=on,file=${OVMF}`]
    const media = [
      ['-cdrom', path],
      [
        '-drive',
        `if=none,id=u,format=raw,readonly=on,file=${path}`,
        '-device',
        'qemu-xhci',
        '-device',
        'usb-storage,drive=u',
      ],
    ]
    for (const drive of media) {
      seen = []
      await copyFile('/usr/share/OVMF/OVMF_VARS_4M.fd', vars)
      const all = [...firmware, '-drive', `if=pflash,format=raw,file=${vars}`, ...drive]
      await machine(all, `,bootfile=http://10.0.2.2:${port}/boot/start.ipxe`)
      expect(seen[0]).toContain(`/seen/efi/${MAC}/10.0.2.`)
    }
  })

  test('other programs read it', async () => {
    const path = await disc()
    const { out } = await run('/usr/bin/xorriso', ['-indev', path, '-report_el_torito', 'plain'])
    expect(out).toMatch(/BIOS\s+y\s+none/)
    expect(out).toMatch(/UEFI\s+y\s+none/)
    await run('/usr/bin/xorriso', ['-osirrox', 'on', '-indev', path, '-extract', '/EFI.IMG', join(folder, 'efi.img')])
    expect((await run('/sbin/fsck.fat', ['-n', join(folder, 'efi.img')])).code).toBe(0)
    const listed = await run('/usr/bin/mdir', ['-b', '-/', '-i', join(folder, 'efi.img')])
    expect(listed.out).toContain('::/EFI/BOOT/BOOTX64.EFI')
    expect(listed.out).toContain('::/autoexec.ipxe')
  })
})

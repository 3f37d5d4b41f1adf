import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Image } from '../../src/api/contract/images.ts'
import { bringLinux } from './bed/linux.ts'
import { offerManagementOs } from './bed/management.ts'
import { Server } from './bed/server.ts'
import { COUNTED, COUNTING_INIT, makeRoot } from './bed/system.ts'
import { until } from './bed/until.ts'
import { Host } from './bed/wire.ts'

/** The commands of a page by section, in its order. */
async function sectionsOf(page: string): Promise<string[]> {
  const sections = (await readFile(page, 'utf8')).split(/^## /m).slice(1)
  return sections.map((text) => [...text.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(([, block]) => block).join(''))
}

describe('researchers share a server', () => {
  let host: Host
  let server: Server
  let work = ''
  beforeAll(async () => {
    host = await Host.make()
    const start: typeof host.start = (...given) => host.start(...given)
    server = await Server.make({ lab: { enabled: true } }, { start, before: bringLinux })
    await offerManagementOs(server)
    work = await mkdtemp(join(tmpdir(), 'rv-tutorial-'))
    await mkdir(join(work, 'rootfs'))
    await makeRoot(join(work, 'rootfs'), COUNTING_INIT)
  }, 600_000)
  afterAll(async () => {
    await server?.call('DELETE', '/api/v1/lab')
    await server?.remove()
    await host?.remove()
    await rm(work, { recursive: true, force: true })
  })

  test('every command of the tutorial does what the page says', async () => {
    const env = { ...process.env, PATH: `${resolve('bin')}:${process.env.PATH}`, REVEILLE_DATA_DIR: server.dataDir }
    const shell = spawn('bash', ['-eux'], { cwd: work, env, stdio: ['pipe', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [shell.stdout, shell.stderr])
      stream.on('data', (data: Buffer) => {
        output += data.toString()
      })
    const running = async (number: number, commands: string) => {
      const mark = `section ${number} is done`
      shell.stdin.write(`${commands}\necho ${mark}\n`)
      await until(mark, 400_000, () => {
        if (shell.exitCode !== null)
          throw new Error(`section ${number} failed:\n${output}\n${server.output.slice(-4000)}`)
        return output.includes(`\n${mark}`) || undefined
      })
    }
    let screen = ''
    const counted = async (boot: string) =>
      until(`${COUNTED} ${boot}`, 120_000, async () => {
        screen = (await server.call('GET', '/api/v1/machines/server1/console/log')).text
        return screen.includes(`${COUNTED} ${boot}`) || undefined
      }).catch((error: Error) => {
        throw new Error(`${error.message}\n${output}\n${screen.slice(-3000)}`)
      })
    // On this wire there is no Debian mirror; the management OS was brought along.
    const sections = (await sectionsOf('docs/tutorial-shared-servers.md')).map((text) =>
      text.replace('reveille agent build', 'reveille agent show'),
    )
    for (const [index, commands] of sections.entries()) {
      await running(index + 1, commands)
      if (index + 1 === 5) await counted('boot 1 of server1, firmware=bios')
      // Grace's system was not told its name.
      if (index + 1 === 6) await counted('boot 1 of built, firmware=bios')
      // Ada finds her system as she left it.
      if (index + 1 === 7) await counted('boot 2 of server1, firmware=bios')
    }
    shell.stdin.end()

    const ada = await server.api<Image>('GET', '/images/ada-system')
    const [first, second] = ada.versions
    expect(ada.versions).toHaveLength(2)
    expect(second?.disk?.addedBytes).toBeLessThan((first?.disk?.allocatedBytes ?? 0) / 2)
    expect((await server.api<Image>('GET', '/images/grace-system')).versions).toHaveLength(2)
    expect((await stat(join(work, 'ada.img'))).size).toBe(second?.disk?.bytes)
  }, 900_000)
})

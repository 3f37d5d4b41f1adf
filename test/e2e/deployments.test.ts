import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Image } from '../../src/api/contract/images.ts'
import { bringLinux } from './bed/linux.ts'
import { offerManagementOs } from './bed/management.ts'
import { Server } from './bed/server.ts'
import { COUNTED, COUNTING_INIT, makeRoot } from './bed/system.ts'
import { Host } from './bed/wire.ts'

const run = promisify(execFile)

/** The commands of a page, in its order. */
async function commandsOf(page: string): Promise<string> {
  const text = await readFile(page, 'utf8')
  return [...text.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(([, block]) => block).join('')
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
    const commands = (await commandsOf('docs/tutorial-shared-servers.md')).replace(/^reveille agent build$/m, ':')
    const env = { ...process.env, PATH: `${resolve('bin')}:${process.env.PATH}`, REVEILLE_DATA_DIR: server.dataDir }
    const output = await run('bash', ['-euxc', commands], { cwd: work, env, maxBuffer: 2 ** 24 }).catch(
      (error: Error & { stdout: string; stderr: string }) => {
        throw new Error(`${error.message}\n${error.stdout}\n${error.stderr}\n${server.output.slice(-4000)}`)
      },
    )
    const console = (await server.call('GET', '/api/v1/machines/server1/console/log')).text
    const boots = [...console.matchAll(new RegExp(`${COUNTED} boot (\\d+) of (\\S+), firmware=bios`, 'g'))]
    // Ada twice on one disk content, Grace once on hers.
    expect(
      boots.map(([, count, name]) => `${name} ${count}`),
      output.stdout,
    ).toEqual(['server1 1', 'built 1', 'server1 2'])
    const ada = await server.api<Image>('GET', '/images/ada-system')
    const [first, second] = ada.versions
    expect(ada.versions).toHaveLength(2)
    expect(second?.disk?.addedBytes).toBeLessThan((first?.disk?.allocatedBytes ?? 0) / 2)
    expect((await server.api<Image>('GET', '/images/grace-system')).versions).toHaveLength(2)
    expect((await stat(join(work, 'ada.img'))).size).toBe(second?.disk?.bytes)
  }, 900_000)
})

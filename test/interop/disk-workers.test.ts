import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { run } from '../../src/processes/run.ts'

/** Debian's QEMU (`qemu-block-extra`) as an initiator, over real TCP through the main process to a worker. */
describe('disks served by processes of their own', () => {
  let directory: string
  let host: ChildProcess
  let facts: { port: number; workers: number[] }

  async function start(port = 0): Promise<void> {
    host = spawn(process.execPath, [join(import.meta.dirname, 'disk-host.ts'), directory, String(port)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [line] = await once(createInterface({ input: host.stdout! }), 'line')
    facts = JSON.parse(line)
  }
  async function disk(...commands: string[]): Promise<void> {
    const url = `iscsi://127.0.0.1:${facts.port}/iqn.2026-11.org.reveille:disk/0`
    const { code, stdout, stderr } = await run('qemu-io', ['-f', 'raw', ...commands.flatMap((c) => ['-c', c]), url])
    expect(stdout + stderr).not.toMatch(/failed|error/i)
    expect(code).toBe(0)
  }
  const gone = async (pid: number) => {
    while (running(pid)) await new Promise((resolve) => setTimeout(resolve, 50))
  }

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'reveille-disk-workers-'))
    await start()
  })
  afterEach(async () => {
    if (host.exitCode === null && host.signalCode === null) {
      host.kill('SIGTERM')
      await once(host, 'exit')
    }
    for (const pid of facts.workers) await gone(pid)
    await rm(directory, { recursive: true })
  })

  test('discovery names the target, and the disk has its size', async () => {
    const url = `iscsi://127.0.0.1:${facts.port}`
    expect((await run('iscsi-ls', ['-s', url])).stdout).toMatch(/iqn.2026-11.org.reveille:disk.*\n.*Lun:0/)
    const capacity = await run('iscsi-readcapacity16', [`${url}/iqn.2026-11.org.reveille:disk/0`])
    expect(capacity.stdout).toContain(`Total size:${64 * 2 ** 20}`)
  })

  test('of many logins in a row none is lost on its way to the worker, while another session writes', async () => {
    const url = `iscsi://127.0.0.1:${facts.port}/iqn.2026-11.org.reveille:disk/0`
    let writing = true
    const writer = (async () => {
      while (writing) await disk(...Array.from({ length: 32 }, (_, i) => `write -P ${i} ${i}M 1M`), 'flush')
    })()
    try {
      for (let i = 0; i < 100; i++) {
        if (i % 2) await disk(`write -P ${i} 40M 64k`, `read -P ${i} 40M 64k`)
        else expect((await run('iscsi-inq', [url])).code).toBe(0)
      }
    } finally {
      writing = false
      await writer
    }
  })

  test('a worker that is killed is started again with its targets, and what was written is there', async () => {
    await disk('write -P 0x5a 1M 3M', 'write -P 0x77 512 1k')
    for (const pid of facts.workers) process.kill(pid, 'SIGKILL')
    // A login that is handed over before its death is known is closed, and this initiator would not try again.
    for (const pid of facts.workers) await gone(pid)
    await disk('read -P 0x5a 1M 3M', 'read -P 0x77 512 1k', 'read -P 0 0 512')
  })

  test('what QEMU copies from one LUN to another does not pass through it, and outlives a killed worker', async () => {
    await disk('write -P 0x5a 1M 32M', 'write -P 0x77 40M 512')
    let sent = 0
    const relay = createServer((client) => {
      const target = connect(facts.port, '127.0.0.1')
      for (const socket of [client, target]) {
        socket.on('error', () => {})
        socket.on('data', ({ length }) => {
          sent += length
        })
      }
      client.pipe(target).pipe(client)
    })
    await once(relay.listen(0, '127.0.0.1'), 'listening')
    const url = (port: number, lun: number) => `iscsi://127.0.0.1:${port}/iqn.2026-11.org.reveille:disk/${lun}`
    const [from, to] = [0, 1].map((lun) => url((relay.address() as AddressInfo).port, lun))
    const { code, stderr } = await run('qemu-img', ['convert', '-n', '-C', '-f', 'raw', '-O', 'raw', from!, to!])
    for (const pid of facts.workers) process.kill(pid, 'SIGKILL')
    relay.close()
    expect([code, stderr]).toEqual([0, ''])
    expect(sent).toBeLessThan(1024 * 1024)
    for (const pid of facts.workers) await gone(pid)
    const compared = await run('qemu-img', [
      'compare',
      '-f',
      'raw',
      '-F',
      'raw',
      url(facts.port, 0),
      url(facts.port, 1),
    ])
    expect(compared.stdout).toContain('identical')
    await disk('read -P 0x5a 1M 32M', 'read -P 0x77 40M 512')
  })

  test('when the main process is killed the workers end, and the next one serves what was written', async () => {
    await disk('write -P 0x33 8M 1M', 'flush', 'write -P 0x44 9M 4k')
    host.kill('SIGKILL')
    await once(host, 'exit')
    for (const pid of facts.workers) await gone(pid)
    await start(facts.port)
    await disk('read -P 0x33 8M 1M', 'read -P 0x44 9M 4k')
  })
})

function running(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

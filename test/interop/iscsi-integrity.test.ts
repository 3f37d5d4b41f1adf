import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { run } from '../../src/processes/run.ts'

/**
 * Random load from outside, verified: fio writes blocks with checksums in random order and reads them back, through qemu-nbd, whose iSCSI client is
 * libiscsi, from the worker processes. What it sends passes a relay that cuts it anew, so that it is received in all kinds of pieces. Data digests
 * libiscsi does not have. A long run: `REVEILLE_SOAK=1`; an old one again: `REVEILLE_TEST_SEED`.
 */
const ROUNDS = process.env.REVEILLE_SOAK ? 300 : 3
const SEED = Number(process.env.REVEILLE_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))
const SIZES = '--bssplit=512/20:4k/25:20k/15:64k/20:256k/15:1m/5'

let directory: string
let host: ChildProcess
let port: number

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'reveille-iscsi-integrity-'))
  host = spawn(process.execPath, [join(import.meta.dirname, 'disk-host.ts'), directory, '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = await once(createInterface({ input: host.stdout! }), 'line')
  port = JSON.parse(line).port
})

afterAll(async () => {
  host.kill('SIGTERM')
  await once(host, 'exit')
  await rm(directory, { recursive: true })
})

/** Passes bytes on in pieces of all sizes; `heard` gets the first that the target says. */
async function relay(below: (limit: number) => number): Promise<{ server: Server; heard: () => string }> {
  let heard = ''
  const server = createServer((client: Socket) => {
    const target = connect(port, '127.0.0.1')
    target.setNoDelay(true)
    const end = () => {
      client.destroy()
      target.destroy()
    }
    for (const socket of [client, target]) socket.on('error', end).on('close', end)
    target.on('data', (bytes) => {
      if (heard.length < 16_384) heard += bytes.toString('latin1')
      if (!client.write(bytes)) target.pause()
    })
    client.on('drain', () => target.resume())
    client.on('data', (bytes) => {
      for (let at = 0; at < bytes.length; ) {
        const size = [1 + below(60), 1 + below(5000), 1 + below(300_000)][below(3)]!
        target.write(bytes.subarray(at, at + size))
        at += size
      }
      if (target.writableNeedDrain) client.pause()
    })
    target.on('drain', () => client.resume())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, heard: () => heard }
}

for (const digest of ['crc32c', 'none'])
  test(`what fio writes in random order is what it reads, header digest ${digest}`, async () => {
    console.log(`fio, header digest ${digest}: REVEILLE_TEST_SEED=${SEED}`)
    let state = SEED >>> 0
    const below = (limit: number) => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
      return Math.floor((state / 2 ** 32) * limit)
    }
    const { server, heard } = await relay(below)
    const socket = join(directory, `nbd-${digest}`)
    const portal = `127.0.0.1:${(server.address() as { port: number }).port}`
    const disk = `driver=iscsi,transport=tcp,portal=${portal},target=iqn.2026-11.org.reveille:disk,lun=0`
    const nbd = spawn('qemu-nbd', ['-k', socket, '-t', '--image-opts', `${disk},header-digest=${digest}`], {
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    try {
      const isReady = async () => heard().includes('HeaderDigest=') && (await stat(socket).catch(() => undefined))
      while (nbd.exitCode === null && !(await isReady())) await pause(50)
      expect(heard()).toContain(`HeaderDigest=${digest === 'none' ? 'None' : 'CRC32C'}`)
      for (let round = 0; round < ROUNDS; round++) {
        const { code, stdout, stderr } = await run('fio', [
          ...['--name=verify', '--ioengine=nbd', `--uri=nbd+unix:///?socket=${socket}`, '--size=64m', '--minimal'],
          ...['--rw=randwrite', SIZES, '--blockalign=512', `--iodepth=${1 + below(32)}`],
          ...[
            '--verify=crc32c',
            '--verify_fatal=1',
            '--do_verify=1',
            '--allrandrepeat=1',
            // Else it leaves a file where it runs.
            '--verify_state_save=0',
            `--randseed=${SEED + round}`,
          ],
        ])
        expect(code, `round ${round}: ${stdout.slice(-1000)} ${stderr.slice(-2000)}`).toBe(0)
        expect(stdout + stderr).not.toMatch(/verify:|bad /)
      }
    } finally {
      nbd.kill('SIGTERM')
      if (nbd.exitCode === null && nbd.signalCode === null) await once(nbd, 'exit')
      server.close()
    }
  }, 7_200_000)

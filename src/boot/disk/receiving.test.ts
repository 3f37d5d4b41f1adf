import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Initiator, read10, write10 } from '../../../test/fakes/initiator.ts'
import { MemoryDisk } from '../../../test/fakes/memory-disk.ts'
import { SILENT } from '../../kit/log.ts'
import { getU32 } from '../../protocols/iscsi/fields.ts'
import { takeOver } from './input.ts'
import { serveDisks } from './serve.ts'

/** All connections receive into the same memory: what is wrong with that shows in what is written. */

const IQN = 'iqn.2026-01.test:received'
const SCSI = { vendor: 'REVEILLE', product: 'VOLUME', revision: '1' }
const DISK_BYTES = 64 * 1024 * 1024

let disk: MemoryDisk
let served: Awaited<ReturnType<typeof serveDisks>>
const initiators: Initiator[] = []

beforeEach(async () => {
  disk = new MemoryDisk(DISK_BYTES)
  served = await serveDisks({
    host: '127.0.0.1',
    port: 0,
    idleMs: 0,
    memoryBytes: 4 * 1024 * 1024,
    log: SILENT,
    openLun: async () => disk,
    report() {},
  })
  const luns = [{ lun: 0, volume: 'v', readOnly: false, serial: 'v', scsi: SCSI }]
  await served.apply({ iqn: IQN, initiators: null, addresses: null, chap: null, luns })
})

afterEach(async () => {
  for (const one of initiators.splice(0)) one.close()
  await served.stop()
})

async function ready(isid: number, digests = false): Promise<Initiator> {
  const one = await Initiator.connect(served.port)
  initiators.push(one)
  const list = digests ? 'CRC32C' : 'None'
  const keys = [
    ['HeaderDigest', list],
    ['DataDigest', list],
    ['FirstBurstLength', '262144'],
  ] as const
  expect((await one.login(IQN, { isid, keys })).status).toBe(0)
  await one.command([0, 0, 0, 0, 0, 0])
  return one
}

/** Numbers from a seed, which is printed: `REVEILLE_TEST_SEED` runs an old one again. */
function numbers(what: string): (limit: number) => number {
  const seed = Number(process.env.REVEILLE_TEST_SEED ?? Math.floor(Math.random() * 2 ** 32))
  console.log(`${what}: REVEILLE_TEST_SEED=${seed}`)
  let state = seed >>> 0
  return (limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * limit)
  }
}

/** Cuts what an initiator sends: each piece is most likely read by itself. */
function inPieces(socket: Socket, size: () => number): void {
  const write = socket.write.bind(socket) as (bytes: Uint8Array) => boolean
  let sent = Promise.resolve()
  socket.write = (bytes: unknown) => {
    sent = sent.then(async () => {
      const all = bytes as Buffer
      for (let at = 0; at < all.length; ) {
        const end = Math.min(all.length, at + size())
        if (!socket.destroyed) write(all.subarray(at, end))
        at = end
        await turn()
      }
    })
    return true
  }
}

const fill = (bytes: number, below: (limit: number) => number) => {
  const data = Buffer.alloc(bytes)
  const [start, step] = [below(256), 1 + below(255)]
  for (let i = 0; i < bytes; i++) data[i] = start + ((i * step) >> 3)
  return data
}

/** Everything that is on the disk. */
function content(): Buffer {
  const all = Buffer.alloc(DISK_BYTES)
  disk.isSlow = false
  disk.read(all, 0)
  return all
}

describe('what is received into memory that is used again', () => {
  test('stays as it was for writes that go on while the next ones come', async () => {
    disk.isSlow = true
    const one = await ready(1)
    const expected = Buffer.alloc(4 * 1024 * 1024)
    const tags = Array.from({ length: 64 }, (_, i) => {
      const data = Buffer.alloc(65_536, i + 1)
      data.copy(expected, i * 65_536)
      const head = one.commandHead(write10(i * 128, 128), { write: data.length })
      one.send(head, data)
      return getU32(head, 16)
    })
    for (const tag of tags) expect((await one.finish(tag)).status).toBe(0)
    expect(content().subarray(0, expected.length).equals(expected)).toBe(true)
  })

  for (const digests of [false, true])
    test(`comes to its disk however it is cut, from many at once, ${digests ? 'with' : 'without'} digests`, async () => {
      const below = numbers(`receiving, digests ${digests}`)
      const expected = Buffer.alloc(DISK_BYTES)
      const region = DISK_BYTES / 4
      const slow = setInterval(() => {
        disk.isSlow = below(2) === 0
      }, 3)
      try {
        const all = await Promise.all([0, 1, 2, 3].map((i) => ready(i + 1, digests)))
        await Promise.all(
          all.map(async (one, i) => {
            const sizes = [
              () => 1 + below(90),
              () => 1 + below(3000),
              () => 1 + below(70_000),
              () => 1 + below(400_000),
            ]
            // The first sends a few bytes at a time, thus less.
            inPieces(one.socket, sizes[i]!)
            const most = i === 0 ? 8 : 512
            for (let round = 0; round < (i === 0 ? 6 : 24); round++) {
              let at = i * region + below(64) * 512
              const waits: Promise<{ status: number }>[] = []
              for (let n = 1 + below(6); n > 0; n--) {
                const data = fill(512 * (1 + below(most)), below)
                data.copy(expected, at)
                const head = one.commandHead(write10(at / 512, data.length / 512), { write: data.length })
                // Immediate, the rest by request; all by request; or all immediate.
                const immediate = [0, Math.min(65_536, data.length), Math.min(262_144, data.length)][below(3)]!
                one.send(head, data.subarray(0, immediate))
                waits.push(one.finish(getU32(head, 16), data))
                at += data.length + below(8) * 512
              }
              for (const wait of waits) expect((await wait).status).toBe(0)
            }
          }),
        )
      } finally {
        clearInterval(slow)
      }
      expect(content().equals(expected)).toBe(true)
    })

  test('is not written over by what still comes of a session that was ended', async () => {
    const [gone, one] = [await ready(1), await ready(2)]
    // It goes on sending although the target has ended its side.
    gone.socket.allowHalfOpen = true
    const big = Buffer.alloc(262_144, 0xee)
    const head = gone.commandHead(write10(0, 512), { write: big.length })
    head.writeUIntBE(big.length, 5, 3)
    gone.socket.write(Buffer.concat([head, big.subarray(0, 100_000)]))
    for (let i = 0; i < 20; i++) await turn()
    const settle = async () => {
      for (let i = 0; i < 50; i++) await turn()
    }
    await served.server.kick(served.server.sessions()[0]!.id)
    // Likely in the memory that the other was to be received in.
    const data = Buffer.alloc(262_144, 0x11)
    const sent = one.commandHead(write10(2048, 512), { write: data.length })
    sent.writeUIntBE(data.length, 5, 3)
    one.socket.write(Buffer.concat([sent, data.subarray(0, 200_000)]))
    await settle()
    gone.socket.write(big.subarray(100_000))
    await settle()
    one.socket.write(data.subarray(200_000))
    expect((await one.finish(getU32(sent, 16))).status).toBe(0)
    const all = content()
    expect(all.subarray(1024 * 1024, 1024 * 1024 + data.length).equals(data)).toBe(true)
    expect(all.includes(0xee)).toBe(false)
  })

  test('takes no memory any more when connections break in the midst of a PDU', async () => {
    for (let i = 0; i < 40; i++) {
      const one = await ready(1)
      const head = one.commandHead(write10(0, 512), { write: 262_144 })
      head.writeUIntBE(262_144, 5, 3)
      one.socket.write(Buffer.concat([head, Buffer.alloc(100_000, 1)]))
      for (let j = 0; j < 5; j++) await turn()
      one.close()
    }
    const one = await ready(2)
    for (let i = 0; served.server.sessions().length > 1 && i < 1000; i++) await turn()
    await one.command([0, 0, 0, 0, 0, 0])
    await one.command([0, 0, 0, 0, 0, 0])
    // While memory is short it would be 8.
    expect((one.maxCmdSN - one.cmdSN) >>> 0).toBeGreaterThan(100)
    expect(content().every((byte) => byte === 0)).toBe(true)
  })

  test('data for a write that waits and has all it wants is not taken, and does no harm', async () => {
    const one = await ready(1)
    const data = Buffer.alloc(4096, 7)
    const head = one.commandHead(write10(0, 8), { write: data.length })
    one.send(head)
    const { head: r2t } = await one.next((pdu) => getU32(pdu.head, 16) === getU32(head, 16))
    // Reads whose answers are not taken, so that the write behind them has to wait.
    one.socket.pause()
    const reads = Array.from({ length: 100 }, () => one.commandHead(read10(0, 512), { read: 262_144 }))
    const out = Buffer.alloc(48)
    out[0] = 5
    out[1] = 0x80
    out.writeUIntBE(data.length, 5, 3)
    r2t.copy(out, 16, 16, 24)
    one.socket.write(Buffer.concat([...reads, out, data, out, Buffer.alloc(4096, 9)]))
    for (let i = 0; i < 50; i++) await turn()
    one.socket.resume()
    for (const read of reads) expect((await one.finish(getU32(read, 16))).status).toBe(0)
    expect((await one.finish(getU32(head, 16))).status).toBe(0)
    expect((await one.command(read10(0, 8), { read: 4096 })).data.equals(data)).toBe(true)
  })
})

test('answers that the initiator is slow to take are not written over by the next', async () => {
  const one = await ready(1)
  const all = fill(16 * 1024 * 1024, numbers('slow reader'))
  disk.write([all], 0)
  one.socket.pause()
  const tags = Array.from({ length: 64 }, (_, i) => {
    const head = one.commandHead(read10(i * 512, 512), { read: 262_144 })
    one.send(head)
    return getU32(head, 16)
  })
  for (let i = 0; i < 200; i++) await turn()
  one.socket.resume()
  for (const [i, tag] of tags.entries())
    expect((await one.finish(tag)).data.equals(all.subarray(i * 262_144, (i + 1) * 262_144))).toBe(true)
})

describe('a socket that takes over another', () => {
  async function pair() {
    const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const accepted = once(server, 'connection') as Promise<[Socket]>
    const client = connect((server.address() as { port: number }).port, '127.0.0.1')
    const [socket] = await accepted
    return { server, client, socket }
  }

  test('has what the other had read, then what comes, then the end; the other is closed', async () => {
    const { server, client, socket } = await pair()
    client.write('before')
    socket.resume()
    socket.pause()
    for (let i = 0; socket.bytesRead < 6 && i < 10_000; i++) {
      socket.read(0)
      await turn()
    }
    const memory = Buffer.alloc(16)
    let text = ''
    const own = takeOver(socket, {
      buffer: () => memory,
      callback: (bytes) => {
        text += memory.toString('latin1', 0, bytes)
        return true
      },
    })!
    expect(own.left?.toString()).toBe('before')
    const ended = once(own.socket, 'end')
    own.socket.resume()
    client.end(' and after, in more than one piece')
    own.socket.write('answer')
    const [answer] = (await once(client, 'data')) as [Buffer]
    expect(answer.toString()).toBe('answer')
    await ended
    expect(text).toBe(' and after, in more than one piece')
    expect(socket.destroyed).toBe(true)
    await new Promise((resolve) => server.close(resolve))
  })

  test('is not made of one that is closed', async () => {
    const { server, client, socket } = await pair()
    socket.destroy()
    expect(takeOver(socket, { buffer: () => Buffer.alloc(1), callback: () => true })).toBeUndefined()
    client.destroy()
    server.close()
  })
})

import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { serveTftp } from '../../src/boot/loader/tftp.ts'
import { DecodeError } from '../../src/kit/errors.ts'
import { SILENT } from '../../src/kit/log.ts'
import { negotiate } from '../../src/protocols/tftp/negotiate.ts'
import { decodeTftp, encodeTftp, type TftpPacket } from '../../src/protocols/tftp/packet.ts'
import {
  startTransfer,
  stepTransfer,
  type TransferEvent,
  type TransferStep,
} from '../../src/protocols/tftp/transfer.ts'
import { fuzzCount, fuzzSeed, Mutator } from './mutator.ts'

const text = new TextEncoder()
/** Whole valid packets, so that damage reaches past the first check. */
const SEEDS: readonly Uint8Array[] = [
  text.encode('\0\x01debian/shimx64.efi\0octet\0tsize\x000\0blksize\x001468\0windowsize\x004\0'),
  text.encode('\0\x01/grub/grub.cfg\0octet\0blksize\x001024\0tsize\x000\0timeout\x003\0'),
  text.encode('\0\x01undionly.kpxe\0netascii\0'),
  text.encode('\0\x02upload\0octet\0'),
  encodeTftp({ op: 'ack', block: 0 }),
  encodeTftp({ op: 'ack', block: 1 }),
  encodeTftp({ op: 'ack', block: 65_535 }),
  encodeTftp({ op: 'data', block: 1, data: new Uint8Array(512) }),
  encodeTftp({ op: 'error', code: 8, message: 'User aborted the transfer' }),
  encodeTftp({ op: 'oack', options: [['blksize', '512']] }),
]

function decoded(datagram: Uint8Array): TftpPacket | undefined {
  try {
    return decodeTftp(datagram)
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}

test('packets and transfers: whatever comes, they decode or are refused, and every answer is bounded', () => {
  const seed = fuzzSeed('tftp')
  const mutator = new Mutator(seed)
  let understood = 0
  let transfer: TransferStep | undefined
  for (let i = 0; i < fuzzCount(); i++) {
    const packet = decoded(mutator.mutate(mutator.pick(SEEDS)))
    if (!packet) continue
    understood++
    if (packet.op === 'read') {
      const limits = { size: mutator.below(5_000_000), maxBlksize: 1468, maxWindowsize: 64, maxWindowBytes: 131_072 }
      const terms = negotiate(packet.options, limits)
      expect(terms.blksize).toBeGreaterThanOrEqual(8)
      expect(terms.blksize).toBeLessThanOrEqual(1468)
      expect(terms.windowsize * terms.blksize).toBeLessThanOrEqual(131_072)
      expect(encodeTftp({ op: 'oack', options: terms.oack }).length).toBeLessThanOrEqual(512)
      transfer = startTransfer(terms, i)
    }
    if (!transfer || transfer.done) continue
    const events: TransferEvent[] = [{ kind: 'packet', packet }, { kind: 'tick' }, { kind: 'repeated-request' }]
    transfer = stepTransfer(transfer.state, mutator.pick(events), i * mutator.below(3000))
    const { state, send } = transfer
    expect(send.length).toBeLessThanOrEqual(1)
    for (const each of send)
      if (each.kind === 'data') {
        expect(each.first).toBeGreaterThanOrEqual(1)
        expect(each.first + each.count - 1).toBeLessThanOrEqual(state.last)
        expect(each.count).toBeLessThanOrEqual(state.terms.windowsize)
      }
    expect(state.acked).toBeLessThanOrEqual(state.sent)
  }
  expect(understood).toBeGreaterThan(fuzzCount() / 10)
})

test('a server under rubbish goes on serving and keeps nothing', async () => {
  const mutator = new Mutator(fuzzSeed('tftp server'))
  const file = new Uint8Array(3000).fill(7)
  const server = await serveTftp({
    listen: { host: '127.0.0.1', port: 0 },
    find: (name) => (name.length % 2 === 0 ? { bytes: file } : undefined),
    trace: { record() {} },
    log: SILENT,
  })
  const socket = createSocket('udp4')
  try {
    socket.bind(0, '127.0.0.1')
    await once(socket, 'listening')
    // The kernel drops what a socket cannot hold, so the sender lets the server have a turn now and then.
    for (let i = 0; i < Math.min(fuzzCount(), 50_000); i++) {
      socket.send(mutator.mutate(mutator.pick(SEEDS)), server.port, '127.0.0.1')
      if (i % 50 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    const client = createSocket('udp4')
    const heard: Uint8Array[] = []
    client.on('message', (datagram) => heard.push(datagram))
    // As firmware does: a request that the full receive buffer swallowed is sent again.
    await expect
      .poll(
        () => {
          client.send(text.encode('\0\x01good\0octet\0'), server.port, '127.0.0.1')
          return heard.length
        },
        { timeout: 20_000, interval: 200 },
      )
      .toBeGreaterThan(0)
    expect(decodeTftp(heard[0]!)).toMatchObject({ op: 'data', block: 1, data: { length: 512 } })
    client.close()
    const status = server.status()
    expect(status.transfers).toBeLessThanOrEqual(17)
    expect(status.dropped + status.refused).toBeGreaterThan(0)
  } finally {
    socket.close()
    await server.stop()
  }
}, 120_000)

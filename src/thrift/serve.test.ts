import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { parseSubnet } from '../kit/ip.ts'
import { SILENT } from '../kit/log.ts'
import { messageCall, readAnswer, readCall, resultReply } from './calls.ts'
import type { Desk } from './desk.ts'
import { forward } from './forward.ts'
import { type ServeBounds, serveThrift, type ThriftService } from './serve.ts'
import type { Message } from './structs.ts'

const LOCAL = [parseSubnet('127.0.0.0/8')!]
const BYTES = Uint8Array.from({ length: 256 }, (_, i) => i)
const message = (type: number): Message => ({ version: 1, type, body: BYTES, host: 'pc-ü' })

let service: ThriftService | undefined
const sockets: Socket[] = []
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await service?.stop()
  service = undefined
})

async function serve(
  answer: Desk['answer'] = async ({ type, body }) => ({ code: type, message: body }),
  more: { clients?: typeof LOCAL; bounds?: ServeBounds } = {},
) {
  service = await serveThrift({
    listen: { host: '127.0.0.1', port: 0 },
    clients: LOCAL,
    desk: { answer },
    log: SILENT,
    ...more,
  })
  return service.port
}

async function client(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  sockets.push(socket)
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  return socket
}

/** However it ended. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.closed) resolve()
    else socket.once('close', () => resolve())
    socket.resume()
  })
}

async function answerOf(socket: Socket) {
  const [data] = (await once(socket, 'data')) as [Buffer]
  return readAnswer(data)
}

describe('the service', () => {
  test('answers calls one after the other, whatever pieces they come in, with every byte as it was', async () => {
    const socket = await client(await serve())
    for (const byte of messageCall(7, message(1))) socket.write(Uint8Array.of(byte))
    expect(await answerOf(socket)).toEqual({ result: { code: 1, message: BYTES } })
    const both = Buffer.concat([messageCall(1, message(2)), messageCall(2, message(3))])
    let received = Buffer.alloc(0)
    socket.on('data', (data) => {
      received = Buffer.concat([received, data])
    })
    socket.write(both)
    const one = resultReply(1, { code: 2, message: BYTES })
    const two = resultReply(2, { code: 3, message: BYTES })
    await expect.poll(() => received.toString('hex')).toBe(Buffer.concat([one, two]).toString('hex'))
  })

  test('answers nobody who is not named', async () => {
    for (const clients of [[], [parseSubnet('127.0.0.2/32')!]]) {
      const socket = await client(await serve(undefined, { clients }))
      await closed(socket)
      await service!.stop()
    }
  })

  test('answers others while one is slow, and lets go of one that never ends its call', async () => {
    const bounds = { idleMs: 60_000, arrivalMs: 300, answerMs: 60_000 }
    const port = await serve(
      ({ type, body }) => (type === 1 ? new Promise(() => undefined) : Promise.resolve({ code: type, message: body })),
      { bounds },
    )
    const slow = await client(port)
    const cut = await client(port)
    slow.write(messageCall(1, message(1)))
    cut.write(messageCall(1, message(2)).subarray(0, 20))
    const quick = await client(port)
    quick.write(messageCall(1, message(5)))
    expect(await answerOf(quick)).toMatchObject({ result: { code: 5 } })
    await closed(cut)
    expect(slow.destroyed).toBe(false)
  })

  test('says timeout when an answer takes too long', async () => {
    const bounds = { idleMs: 60_000, arrivalMs: 60_000, answerMs: 50 }
    const socket = await client(await serve(() => new Promise(() => undefined), { bounds }))
    socket.write(messageCall(1, message(1)))
    expect(await answerOf(socket)).toMatchObject({ result: { code: 4 } })
  })

  test('lets go of who speaks something else, sends too much, or is silent', async () => {
    const port = await serve(undefined, { bounds: { idleMs: 200, arrivalMs: 60_000, answerMs: 1000 } })
    const stranger = await client(port)
    stranger.write('GET / HTTP/1.1\r\n\r\n')
    await closed(stranger)
    const large = await client(port)
    large.write(messageCall(1, { ...message(1), body: new Uint8Array(70_000) }))
    await closed(large)
    await closed(await client(port))
  })

  test('takes eight connections from one address', async () => {
    const port = await serve()
    for (let i = 0; i < 8; i++) await client(port)
    await closed(await client(port))
  })

  test('names a method that it does not know, and arguments that are missing', async () => {
    const socket = await client(await serve())
    const call = messageCall(1, message(1))
    const other = Buffer.from(call)
    other.write('handleMessagX', 8, 'latin1')
    socket.write(other)
    expect(await answerOf(socket)).toEqual({ exception: 'there is no such method' })
    // The call with an empty struct of arguments.
    socket.write(Buffer.concat([call.subarray(0, 8 + 13 + 4), Buffer.from([0])]))
    expect(await answerOf(socket)).toEqual({ exception: 'argument msg is missing' })
  })
})

describe('forwarding', () => {
  async function guest(answer: (call: Buffer) => Uint8Array | undefined) {
    const server = createServer((socket) => {
      socket.on('error', () => undefined)
      socket.on('data', (data) => {
        const reply = answer(data)
        if (reply) socket.write(reply)
        else socket.destroy()
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return { port: (server.address() as { port: number }).port, close: () => server.close() }
  }

  test('sends the message as it came, without the name of the host, and gives the answer', async () => {
    let seen: Message | undefined
    const { port, close } = await guest((data) => {
      const call = readCall(data)
      if (call.method === 'handleMessage') seen = call.message
      return resultReply(call.seqid, { code: 0, message: BYTES })
    })
    expect(await forward(message(4), '127.0.0.1', port)).toEqual({ code: 0, message: BYTES })
    expect(seen).toEqual({ version: 1, type: 4, body: BYTES })
    close()
    expect((await forward(message(4), '127.0.0.1', port)).code).toBe(7)
  })

  test('tells what went wrong', async () => {
    for (const answer of [
      () => undefined,
      () => Buffer.from('nonsense'),
      () => Buffer.from('8001000200000000000000010000', 'hex'),
    ]) {
      const { port, close } = await guest(answer)
      expect((await forward(message(4), '127.0.0.1', port)).code).toBe(3)
      close()
    }
  })
})

import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { Initiator } from '../../../test/fakes/initiator.ts'
import { encodeText } from '../../protocols/iscsi/text.ts'
import { readFirstLogin } from './first-login.ts'
import { stopReading } from './hand-over.ts'

/** A connection whose first login was read here, and the initiator's end of it. */
async function loggingIn() {
  const server = createServer({ pauseOnConnect: true, noDelay: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const accepted = once(server, 'connection') as Promise<[Socket]>
  const one = await Initiator.connect(port)
  one.send(one.loginHead(0, 1, true), encodeText([['InitiatorName', 'iqn.2026-01.test:initiator']]))
  const [socket] = await accepted
  const first = await readFirstLogin(socket)
  const end = () => {
    one.close()
    socket.destroy()
    server.close()
  }
  return { one, socket, first, end }
}

test('what the initiator sends after the socket was given away is left to whoever has it then', async () => {
  const { one, socket, first, end } = await loggingIn()
  expect(stopReading(socket).more).toBeUndefined()
  one.send(one.commandHead([0]))
  await pause(50)
  expect(socket.bytesRead).toBe(first.received.length)
  end()
})

test('what was read behind the first login is not lost', async () => {
  const { one, socket, first, end } = await loggingIn()
  one.send(one.commandHead([0]))
  for (let i = 0; socket.bytesRead === first.received.length && i < 1000; i++) await pause(1)
  expect(stopReading(socket).more).toHaveLength(48)
  one.send(one.commandHead([0]))
  await pause(50)
  expect(socket.bytesRead).toBe(first.received.length + 48)
  end()
})

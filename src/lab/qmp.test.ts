import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { withQmp } from './qmp.ts'

describe('withQmp', () => {
  let directory: string
  let close: () => Promise<void>

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'qmp-'))
    close = async () => undefined
  })
  afterEach(async () => {
    await close()
    await rm(directory, { recursive: true })
  })

  /** A QEMU that answers each line by `answer`; `undefined` is silence. */
  async function qemu(answer: (command: string, socket: Socket) => string | undefined): Promise<string> {
    const path = join(directory, 'qmp')
    const sockets = new Set<Socket>()
    const server = createServer((socket) => {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.write('{"QMP": {"version": {}, "capabilities": []}}\r\n')
      socket.on('data', (data) => {
        for (const line of data.toString().trim().split('\n')) {
          const { execute } = JSON.parse(line) as { execute: string }
          const text = execute === 'qmp_capabilities' ? '{"return": {}}\r\n' : answer(execute, socket)
          if (text !== undefined) socket.write(text)
        }
      })
    })
    await new Promise<void>((resolve) => server.listen(path, resolve))
    close = () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resolve())
      })
    return path
  }

  test('gives each command its answer, with events in between and lines in pieces', async () => {
    const path = await qemu((command, socket) => {
      socket.write('{"event": "RESET", "timestamp": {}}\r\n{"ret')
      setTimeout(() => socket.write(`urn": "${command}"}\r\n`), 5)
      return undefined
    })
    const answers = await withQmp(path, async (qmp) => [await qmp.execute('one'), await qmp.execute('two')])
    expect(answers).toEqual(['one', 'two'])
  })

  test('turns a refusal into an error that names the command', async () => {
    const path = await qemu(() => '{"error": {"class": "GenericError", "desc": "no such device"}}\r\n')
    await expect(withQmp(path, (qmp) => qmp.execute('device_del'))).rejects.toThrow('device_del: no such device')
  })

  test('does not wait for ever', async () => {
    const path = await qemu(() => undefined)
    await expect(withQmp(path, (qmp) => qmp.execute('quit'), 50)).rejects.toThrow('did not answer within')
  })

  test('tells when QEMU goes away in the middle', async () => {
    const path = await qemu((_, socket) => {
      socket.end()
      return undefined
    })
    await expect(withQmp(path, (qmp) => qmp.execute('quit'))).rejects.toThrow('ended the conversation')
  })

  test('refuses what is not QMP', async () => {
    const path = await qemu(() => 'hello\n')
    await expect(withQmp(path, (qmp) => qmp.execute('x'))).rejects.toThrow('not QMP')
  })

  test('fails when nobody listens', async () => {
    await expect(withQmp(join(directory, 'nobody'), (qmp) => qmp.execute('x'))).rejects.toThrow('ENOENT')
  })
})

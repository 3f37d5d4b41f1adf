import { appendFile, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { RECORDED_BYTES, SerialLine } from './console.ts'

describe('a serial line', () => {
  let directory: string
  let file: string
  let line: SerialLine

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'console-'))
    file = join(directory, 'console.log')
    await writeFile(file, '')
    line = new SerialLine(file, join(directory, 'socket'))
  })
  afterEach(async () => {
    line.close()
    await rm(directory, { recursive: true })
  })

  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString()

  test('gives what was recorded, then what comes, nothing missed and nothing twice', async () => {
    await appendFile(file, 'before ')
    const view = line.console()
    let all = text(await view.recorded())
    await appendFile(file, 'between ')
    view.follow(
      (bytes) => {
        all += text(bytes)
      },
      () => undefined,
    )
    for (let i = 0; i < 50; i++) await appendFile(file, `${i} `)
    const whole = `before between ${Array.from({ length: 50 }, (_, i) => `${i} `).join('')}`
    await vi.waitFor(() => expect(all).toBe(whole))
  })

  test('follows from now on when the record was not asked for', async () => {
    await appendFile(file, 'old')
    let seen = ''
    line.console().follow(
      (bytes) => {
        seen += text(bytes)
      },
      () => undefined,
    )
    await appendFile(file, 'new')
    await vi.waitFor(() => expect(seen).toBe('new'))
  })

  test('says nothing more after it was ended by its reader, and tells when the machine is gone', async () => {
    let seen = 0
    const ended = vi.fn()
    const stop = line.console().follow(() => seen++, ended)
    const staying = vi.fn()
    line.console().follow(() => undefined, staying)
    stop()
    await appendFile(file, 'x')
    line.close()
    expect(staying).toHaveBeenCalledOnce()
    expect(ended).not.toHaveBeenCalled()
    expect(seen).toBe(0)
  })

  test('remembers the newest MiB and gives the space of the rest back', async () => {
    await writeFile(file, Buffer.alloc(4 * RECORDED_BYTES, 'a'))
    await appendFile(file, Buffer.alloc(RECORDED_BYTES, 'b'))
    await line.forget()
    const { size, blocks } = await stat(file)
    expect(size).toBe(5 * RECORDED_BYTES)
    expect(blocks * 512).toBeLessThan(2 * RECORDED_BYTES)
    const recorded = await line.console().recorded()
    expect(recorded.length).toBe(RECORDED_BYTES)
    expect(recorded.every((byte) => byte === 'b'.charCodeAt(0))).toBe(true)
  })

  test('types into the machine, and into nothing while it is off', async () => {
    line.console().type(Buffer.from('lost'))
    await new Promise((resolve) => setTimeout(resolve, 20))
    let typed = ''
    const server = createServer((socket) =>
      socket.on('data', (data) => {
        typed += data.toString()
      }),
    )
    await new Promise<void>((resolve) => server.listen(join(directory, 'socket'), resolve))
    line.console().type(Buffer.from('ls'))
    line.console().type(Buffer.from('\r'))
    await vi.waitFor(() => expect(typed).toBe('ls\r'))
    line.close()
    server.close()
  })

  test('keeps a bounded part of what a machine that does not read is typed', async () => {
    let socket: Socket | undefined
    const server = createServer((opened) => {
      socket = opened.pause()
    })
    await new Promise<void>((resolve) => server.listen(join(directory, 'socket'), resolve))
    for (let count = 0; count < 1000; count++) {
      line.console().type(Buffer.alloc(10_000))
      await new Promise((resolve) => setImmediate(resolve))
    }
    let got = 0
    socket!.on('data', (data) => {
      got += data.length
    })
    socket!.resume()
    await vi.waitFor(() => expect(got).toBeGreaterThan(0))
    line.close()
    await new Promise<void>((resolve) => socket!.once('close', () => resolve()))
    expect(got).toBeLessThan(2_000_000)
    server.close()
  })
})

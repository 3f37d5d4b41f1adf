import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import fc from 'fast-check'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { browserTransport } from './browser.ts'
import { all, createClient, pathOf } from './client.ts'
import { readMessages, watchEvents } from './events.ts'
import { nodeTransport } from './node.ts'
import type { Transport, TransportRequest } from './transport.ts'

const closes: (() => void)[] = []
afterEach(() => {
  for (const close of closes.splice(0)) close()
  vi.unstubAllGlobals()
  vi.useRealTimers()
})

async function serve(listener: RequestListener) {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  closes.push(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
async function* bytes(...texts: string[]) {
  for (const text of texts) yield new TextEncoder().encode(text)
}
/** A transport that answers from a list and remembers what was asked. */
function scripted(...answers: { status?: number; type?: string; text: string }[]) {
  const asked: TransportRequest[] = []
  const transport: Transport = async (request) => {
    asked.push(request)
    const { status = 200, type = 'application/json', text } = answers.shift()!
    const headers: Record<string, string> = { 'content-type': type, 'retry-after': '7' }
    return { status, header: (name) => headers[name], body: bytes(text), cancel: () => undefined }
  }
  return { client: createClient(transport), asked }
}

describe('a call', () => {
  test('sends what the contract says', async () => {
    const { client, asked } = scripted({ text: '{"name":"alpha"}' })
    const machine = await client.updateMachine({ params: { machine: 'a/b c' }, body: { notes: 'x' } })
    expect(machine.name).toBe('alpha')
    expect(asked[0]).toMatchObject({ method: 'PATCH', path: '/api/v1/machines/a%2Fb%20c', body: '{"notes":"x"}' })
    expect(asked[0]?.headers['content-type']).toBe('application/json')
  })

  test('leaves out of the query what is not given', () => {
    expect(pathOf('/x/{a}', { a: 1 }, { b: undefined, c: null, d: 'e f', g: false })).toBe('/x/1?d=e+f&g=false')
  })

  test('throws the problem that the server tells of', async () => {
    const problem = { code: 'in-use', detail: 'it is', next: 'free it', problems: [{ path: 'a', message: 'b' }] }
    const { client } = scripted({ status: 409, type: 'application/problem+json', text: JSON.stringify(problem) })
    await expect(client.me()).rejects.toMatchObject({ name: 'ApiProblem', status: 409, retryAfter: 7, ...problem })
  })

  test('says so when something else answers', async () => {
    const unexpected = { code: 'unexpected-answer', next: expect.stringContaining('proxy') }
    const proxy = scripted({ status: 502, type: 'text/html', text: '<h1>Bad Gateway' })
    await expect(proxy.client.me()).rejects.toMatchObject({ status: 502, ...unexpected })
    const page = scripted({ text: '<!doctype html>' })
    await expect(page.client.me()).rejects.toMatchObject({ status: 200, ...unexpected })
    const odd = scripted({ status: 400, type: 'application/problem+json', text: '[]' })
    await expect(odd.client.me()).rejects.toMatchObject(unexpected)
  })

  test('collects all pages with the filters of the first', async () => {
    const page = (items: number[], next: string | null) => ({ text: JSON.stringify({ items, next }) })
    const { client, asked } = scripted(page([1, 2], 'two'), page([3], null))
    expect(await all(client.listMachines, { query: { tag: 'x' } })).toEqual([1, 2, 3])
    expect(asked.map(({ path }) => path)).toEqual([
      '/api/v1/machines?limit=1000&tag=x',
      '/api/v1/machines?limit=1000&tag=x&cursor=two',
    ])
  })
})

describe('an event stream', () => {
  const text =
    'retry: 2000\n: hello\n\nevent: change\ndata: {"a":1}\n\ndata: two\r\ndata:lines\r\n\r\nevent: none\n\ndata: é\n\n'
  const messages = [
    { event: 'change', data: '{"a":1}' },
    { event: 'message', data: 'two\nlines' },
    { event: 'message', data: 'é' },
  ]

  test('reads the same however it is cut', async () => {
    const whole = new TextEncoder().encode(text)
    const cuts = fc.uniqueArray(fc.integer({ min: 0, max: whole.length }), { maxLength: 20 })
    await fc.assert(
      fc.asyncProperty(cuts, async (places) => {
        const ends = [...places.sort((a, b) => a - b), whole.length]
        async function* body() {
          for (const [i, end] of ends.entries()) yield whole.subarray(ends[i - 1] ?? 0, end)
        }
        const read = []
        for await (const message of readMessages(body())) read.push(message)
        expect(read).toEqual(messages)
      }),
    )
  })

  test('is opened again after it broke, later and later, and told apart from a refusal', async () => {
    vi.useFakeTimers()
    let opened = 0
    const transport: Transport = async () => {
      opened++
      if (opened === 2) throw new Error('connection refused')
      const status = opened === 4 ? 401 : 200
      return { status, header: () => undefined, body: bytes('data: {"topic":"lab"}\n\n'), cancel: () => undefined }
    }
    const told: string[] = []
    watchEvents(createClient(transport), {
      onEvent: ({ topic }) => told.push(topic),
      onReset: () => told.push('reset'),
      onProblem: ({ code, status }, final) => told.push(`${code} ${status} ${final}`),
    })
    await vi.advanceTimersByTimeAsync(499)
    expect(told).toEqual(['reset', 'lab'])
    await vi.advanceTimersByTimeAsync(1)
    expect(told.splice(0)).toEqual(['reset', 'lab', 'unreachable 0 false'])
    await vi.advanceTimersByTimeAsync(1000)
    expect(told.splice(0)).toEqual(['reset', 'lab'])
    await vi.advanceTimersByTimeAsync(60_000)
    expect(told).toEqual(['unexpected-answer 401 true'])
    expect(opened).toBe(4)
  })

  test('that falls silent is given up and opened again', async () => {
    vi.useFakeTimers()
    let opened = 0
    const transport: Transport = async ({ signal }) => {
      opened++
      async function* silence(): AsyncGenerator<Uint8Array> {
        await new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)))
      }
      return { status: 200, header: () => undefined, body: silence(), cancel: () => undefined }
    }
    const stop = watchEvents(createClient(transport), { onEvent: () => undefined })
    await vi.advanceTimersByTimeAsync(45_600)
    expect(opened).toBe(2)
    stop()
    await vi.advanceTimersByTimeAsync(120_000)
    expect(opened).toBe(2)
  })
})

describe('the transport of Node', () => {
  test('sends the token, keeps the base path, and reads the answer', async () => {
    const url = await serve((request, response) => {
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify({ name: `${request.url} ${request.headers.authorization}` }))
    })
    const client = createClient(nodeTransport({ url: `${url}/behind/`, token: 'rv_x' }))
    expect((await client.me()).name).toBe('/behind/api/v1/me Bearer rv_x')
  })

  test('says who does not answer', async () => {
    const url = await serve((_, response) => response.destroy())
    await expect(createClient(nodeTransport({ url })).me()).rejects.toMatchObject({ code: 'unreachable', status: 0 })
    const gone = createClient(nodeTransport({ socket: '/nowhere/control.sock' }))
    await expect(gone.me()).rejects.toMatchObject({ detail: expect.stringContaining('/nowhere/control.sock') })
    expect(() => nodeTransport({ url: 'ftp://x' })).toThrow('http://')
  })

  test('stops an upload whose source fails', async () => {
    const url = await serve((request) => request.resume())
    async function* source() {
      yield new Uint8Array(10)
      throw new Error('the file cannot be read')
    }
    const upload = createClient(nodeTransport({ url })).putContent({
      params: { image: 'x' },
      body: { content: source() },
    })
    await expect(upload).rejects.toMatchObject({ detail: expect.stringContaining('the file cannot be read') })
  })
})

describe('the transport of the browser', () => {
  test('sends the cookie and the proof of where it comes from', async () => {
    const fetched = vi.fn(async (..._: Parameters<typeof fetch>) => new Response('{"name":"eve"}'))
    vi.stubGlobal('fetch', fetched)
    expect((await createClient(browserTransport).me()).name).toBe('eve')
    const [path, init] = fetched.mock.calls[0]!
    expect(path).toBe('/api/v1/me')
    expect(init).toMatchObject({ credentials: 'same-origin', headers: { 'x-reveille-csrf': '1' } })
    vi.stubGlobal('fetch', async () => Promise.reject(new TypeError('Failed to fetch')))
    await expect(createClient(browserTransport).me()).rejects.toMatchObject({ code: 'unreachable' })
  })

  test('uploads with progress, and can be cancelled', async () => {
    const sent: unknown[] = []
    class FakeXhr {
      upload: { onprogress?: (event: { loaded: number }) => void } = {}
      onload = () => undefined
      onabort = () => undefined
      status = 201
      responseText = '{"name":"disc"}'
      open = (...given: unknown[]) => sent.push(...given)
      setRequestHeader = (...given: unknown[]) => sent.push(given)
      getResponseHeader = () => 'application/json'
      send(body: Blob) {
        this.upload.onprogress?.({ loaded: body.size })
        setTimeout(() => this.onload())
      }
      abort = () => this.onabort()
    }
    vi.stubGlobal('XMLHttpRequest', FakeXhr)
    const progress: number[] = []
    const content = new Blob(['12345'])
    const client = createClient(browserTransport)
    const body = { content, onProgress: (bytes: number) => progress.push(bytes) }
    expect((await client.putContent({ params: { image: 'disc' }, body })).name).toBe('disc')
    expect(progress).toEqual([5])
    expect(sent).toContainEqual(['x-reveille-csrf', '1'])
    const ended = new AbortController()
    const cancelled = client.putContent({ params: { image: 'disc' }, body, signal: ended.signal })
    ended.abort()
    await expect(cancelled).rejects.toMatchObject({ code: 'cancelled' })
  })
})

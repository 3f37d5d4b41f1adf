import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openWorld, type World } from '../../../test/api/world.ts'
import { counterLines } from './metrics.ts'

let world: World
let reasons: string[] = []
beforeAll(async () => {
  world = await openWorld({ unready: () => reasons })
})
afterAll(() => world.close())

const get = (path: string, headers: Record<string, string> = {}) => fetch(world.url + path, { headers })

describe('health', () => {
  test('healthz answers as long as the process does', async () => {
    expect(await (await get('/healthz')).json()).toEqual({ status: 'ok' })
  })

  test('readyz says why not', async () => {
    expect((await get('/readyz')).status).toBe(200)
    reasons = ['DHCP waits for port 67']
    const answer = await get('/readyz')
    expect(answer.status).toBe(503)
    expect(await answer.json()).toEqual({ status: 'not ready', reasons: ['DHCP waits for port 67'] })
    reasons = []
  })
})

describe('metrics', () => {
  test('are for viewers and tokens with their scope', async () => {
    expect((await get('/metrics')).status).toBe(401)
    const { token } = await world.as('viewer', ['machines:read'])
    expect((await get('/metrics', { authorization: `Bearer ${token}` })).status).toBe(403)
  })

  test('tell of the process, of requests by route pattern, and of the stages', async () => {
    const { token, client } = await world.as('viewer', ['*:read'])
    await client.getMachine({ params: { machine: 'secret-name' } }).catch(() => undefined)
    const text = await (await get('/metrics', { authorization: `Bearer ${token}` })).text()
    expect(text).toMatch(/^reveille_process_resident_memory_bytes \d+/m)
    expect(text).toContain(
      'reveille_http_requests_total{method="GET",route="/api/v1/machines/:machine",status="404"} 1',
    )
    expect(text).not.toContain('secret-name')
    expect(text).toContain('# TYPE reveille_dhcp_received_total counter\nreveille_dhcp_received_total 3\n')
    expect(text).toContain('reveille_ready 1')
  })

  test('of stages that are no metrics are left out', () => {
    const lines = counterLines({ a_total: 1, 'a_total{x="1"}': 2, 'bad name': 1, 'b\n': 1, c: Number.NaN, d: 1.5 })
    expect(lines).toBe(
      '# TYPE reveille_a_total counter\nreveille_a_total 1\nreveille_a_total{x="1"} 2\n# TYPE reveille_d gauge\nreveille_d 1.5\n',
    )
  })
})

describe('the console of the browser', () => {
  const web = () => join(world.directory, 'web')

  test('not built says how to build it', async () => {
    const answer = await get('/')
    expect(answer.status).toBe(503)
    expect(await answer.text()).toContain('make run')
  })

  test('is one page for every address of its own, always fresh, with files that last', async () => {
    await mkdir(join(web(), 'assets'), { recursive: true })
    await writeFile(join(web(), 'index.html'), '<title>Reveille</title>')
    await writeFile(join(web(), 'assets', 'index-1a2b.js'), 'start()')
    await writeFile(join(world.directory, 'outside.txt'), 'secret')
    const named = ['/images/debian-12.5', '/machines/x.lab', '/images/debian-12.5/versions/3', '/profiles/ubuntu-24.04']
    for (const path of ['/', '/machines', '/machines/m_1/traces?x=1', '/index.html', ...named]) {
      const page = await get(path)
      expect([page.status, page.headers.get('cache-control')], path).toEqual([200, 'no-cache'])
      expect(await page.text()).toBe('<title>Reveille</title>')
    }
    const script = await get('/assets/index-1a2b.js')
    expect(script.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
    expect(script.headers.get('content-type')).toContain('javascript')
    for (const path of [
      '/assets/gone.js',
      '/..%2foutside.txt',
      '/%2e%2e/outside.txt',
      '/.git/config.txt',
      '/favicon.ico',
    ])
      expect((await get(path)).status, path).toBe(404)
    for (const path of ['/api/nothing', '/boot/nothing', '/agent/v1', '/metricsx.js'])
      expect((await get(path)).status, path).toBe(404)
    await rm(web(), { recursive: true })
  })
})

describe('the documentation', () => {
  test('shows pages that work under our policy', async () => {
    const page = await get('/api/docs/')
    const html = await page.text()
    expect(page.headers.get('content-security-policy')).toContain("script-src 'self';")
    // Inline scripts would be refused by the browser.
    expect(html).not.toMatch(/<script(?![^>]*src=)/)
    for (const [, path] of html.matchAll(/(?:src|href)="\.?(\/[^"]+)"/g))
      expect((await get(`/api/docs${path}`)).status, path).toBe(200)
    const start = await (await get('/api/docs/static/swagger-initializer.js')).text()
    expect(start).toContain("resolveUrl('./json')")
    const shown = await (await get('/api/docs/json')).json()
    expect(shown).toEqual(await (await get('/api/openapi.json')).json())
  })
})

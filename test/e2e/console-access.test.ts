import axe from 'axe-core'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildConsole, type ConsolePage, openConsolePage } from './bed/console-page.ts'
import { freeTcpPort } from './bed/free-port.ts'
import { Server } from './bed/server.ts'
import { until } from './bed/until.ts'

/** Every page of the console can be read by screen readers (rules of axe), in both colours, and fits a phone, whatever names are long. */
const LONG = 'a-very-long-name-that-somebody-thought-would-be-helpful-later-on'.slice(0, 63)
let server: Server
let console: ConsolePage
let page: Page
let base: string

beforeAll(async () => {
  buildConsole()
  const port = await freeTcpPort()
  base = `http://127.0.0.1:${port}`
  server = await Server.make({ http: { listen: `127.0.0.1:${port}` }, advertise: '127.0.0.1' })
  await server.api('POST', '/profiles', { name: 'own-disk', kind: 'local' })
  await server.api('POST', '/profiles', {
    ...{ name: 'choose', kind: 'menu', default: 'own-disk', timeoutSeconds: 0 },
    items: [{ profile: 'own-disk', label: 'Own disk', password: 'sesame' }],
  })
  const machines = [
    { name: LONG, macs: ['52:54:00:bb:00:01'], tags: [LONG, 'rack-a'], notes: 'Fan 3 is loud' },
    { name: 'web1', macs: ['52:54:00:bb:00:02'], tags: ['rack-a'], profile: 'choose' },
  ]
  for (const machine of machines) await server.api('POST', '/machines', machine)
  await server.api('POST', '/machines/web1/deployments', { action: { kind: 'inventory' } })
  await server.api('POST', '/volumes', { name: LONG, bytes: 2 ** 30 })
  const parts = [{ name: 'main', content: 'one\ntwo {{ machine.name }}\n' }]
  await server.api('POST', '/configs', { name: LONG, kind: 'text', parts })
  await server.api('PUT', `/config-values/tag:${LONG}/role`, { value: 'worker', secret: false })
  await server.api('POST', '/batches', { action: 'boot-once', tag: 'rack-a', profile: 'own-disk' })
  console = await openConsolePage(base, server.dataDir)
  page = console.page
})

afterAll(async () => {
  await console?.close()
  await server?.remove()
})

const PLACES = [
  ...['machines', `machines/${LONG}`, 'machines/web1?tab=power', 'machines/web1?tab=guest', 'rooms', 'rooms/rack-a'],
  ...['rooms/rack-a?tiles=small', 'machines?sort=seen&order=desc'],
  ...['batches', 'deployments', 'profiles', 'profiles/choose', 'configs', `configs/${LONG}`, 'images', 'volumes'],
  ...[`volumes/${LONG}`, 'sessions', 'bmcs', 'consoles', 'networks', 'server', 'storage', 'tokens', 'users', 'audit'],
]

async function open(place: string): Promise<void> {
  await page.goto(`${base}/${place}`)
  await page.getByRole('heading', { level: 1 }).waitFor()
  await until('everything is loaded', 60_000, async () =>
    (await page.getByRole('status', { name: 'Loading' }).count()) === 0 ? true : undefined,
  )
}

/** What the rules of axe find wrong on the page, one line for each rule. */
async function found(): Promise<string[]> {
  await page.evaluate(axe.source)
  type Violation = { id: string; help: string; nodes: { html: string }[] }
  const { violations } = await page.evaluate<{ violations: Violation[] }>(
    "axe.run(document, { resultTypes: ['violations'] })",
  )
  return violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes[0]?.html.slice(0, 200)}`)
}

test('every page has names for what can be pressed, and words that stand out from what is behind them', async () => {
  for (const place of PLACES) {
    await open(place)
    expect(await found(), place).toEqual([])
  }
})

test('on a phone nothing lies beyond the edge, by day and by night', async () => {
  await page.setViewportSize({ width: 390, height: 844 })
  await page.emulateMedia({ colorScheme: 'dark' })
  for (const place of PLACES) {
    await open(place)
    const beyond = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')
    expect(beyond, place).toBe(0)
  }
  for (const place of ['machines', 'machines/web1', 'volumes', 'configs']) {
    await open(place)
    expect(await found(), place).toEqual([])
  }
})

test('the text of a config keeps its lines', async () => {
  await open(`configs/${LONG}`)
  // biome-ignore lint/performance/useDomNodeTextContent: what is to be seen counts, and styles may take line ends away
  expect(await page.locator('pre').first().innerText()).toContain('one\ntwo {{ machine.name }}')
})

test('no page complained', () => expect(console.complaints).toEqual([]))

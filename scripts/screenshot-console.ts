import { mkdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { chromium } from 'playwright-core'

/**
 * Takes the picture of the console for the README from a running server: the page of a machine while it loads its files, if
 * it does so within 15 s (restart it meanwhile). Choose a password of your own before, or the notice about the first one is in it.
 * Usage: node scripts/screenshot-console.ts [URL] [PASSWORD-FILE] [MACHINE] [light|dark]
 */
const [base = 'http://127.0.0.1:8080', passwordFile = 'data/admin-password', wanted, scheme = 'light'] =
  process.argv.slice(2)
const target = join(import.meta.dirname, '../docs/images/console.png')

const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: [
    ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
    ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
  ],
})
try {
  const page = await browser.newPage({
    viewport: { width: 1360, height: 900 },
    deviceScaleFactor: 1.5,
    colorScheme: scheme === 'dark' ? 'dark' : 'light',
  })
  await page.goto(base)
  await page.getByLabel('Password', { exact: true }).fill(readFileSync(passwordFile, 'utf8').trim())
  await page.getByRole('button', { name: 'Log in', exact: true }).click()
  await page.getByRole('heading', { name: 'Machines', level: 1 }).waitFor()

  const machine = wanted ?? (await mostAlive())
  await page.goto(`${base}/machines/${encodeURIComponent(machine)}`)
  await page.getByRole('list', { name: 'Stages of this boot' }).waitFor()
  await page.getByRole('status', { name: 'Loading' }).waitFor({ state: 'detached' })
  // A boot under way is worth waiting for a moment; without one the newest is shown as it ended.
  const loading = page.locator('[aria-current=step][data-tone=busy]').filter({ hasText: /script|fetch/ })
  await loading.waitFor({ timeout: 15_000 }).catch(() => undefined)
  mkdirSync(dirname(target), { recursive: true })
  await page.screenshot({ path: target })
  console.log(`wrote ${target}: ${machine}`)

  /** A machine that boots now, else the one that booted last. */
  async function mostAlive(): Promise<string> {
    const answer = await page.request.get(`${base}/api/v1/machines?limit=1000`)
    const { items } = (await answer.json()) as {
      items: { name: string; boot: { state: string; updatedAt: string } | null }[]
    }
    const rank = (boot: { state: string; updatedAt: string }) => (boot.state === 'running' ? '1' : '0') + boot.updatedAt
    const booted = items.flatMap(({ name, boot }) => (boot ? [{ name, rank: rank(boot) }] : []))
    const best = booted.toSorted((a, b) => b.rank.localeCompare(a.rank))[0]
    if (!best) throw new Error('no machine has booted yet: start one (make run), then take the picture')
    return best.name
  }
} finally {
  await browser.close()
}

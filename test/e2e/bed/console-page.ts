import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { launchBrowser } from './browser.ts'

const root = join(import.meta.dirname, '../../..')

/** The console of a server in a real browser, with the words in which its tests speak. `complaints`: what the browser said was wrong. */
export type ConsolePage = Readonly<{
  page: Page
  complaints: readonly string[]
  button: (name: string | RegExp) => ReturnType<Page['getByRole']>
  /** Waits until a text is to be seen. */
  sees: (text: string | RegExp) => Promise<void>
  dialog: () => ReturnType<Page['getByRole']>
  /** Goes to a place of the navigation. */
  go: (place: string) => Promise<void>
  /** Waits until a page of that heading is there. */
  titled: (name: string) => Promise<void>
  /** Waits until no dialog is open. */
  closed: () => Promise<void>
  close: () => Promise<void>
}>

export function buildConsole(): void {
  execFileSync(join(root, 'scripts/build-web'), { stdio: 'inherit' })
}

/** Opens the console and logs in as the first user. */
export async function openConsolePage(url: string, dataDir: string): Promise<ConsolePage> {
  const browser = await launchBrowser()
  const page = await browser.newPage({ viewport: { width: 1360, height: 900 } })
  page.setDefaultTimeout(60_000)
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => {
    // Chromium complains of each refused request too; that is how refusals come.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      complaints.push(message.text())
  })
  await page.goto(url)
  const password = readFileSync(join(dataDir, 'admin-password'), 'utf8').trim()
  await page.getByLabel('Password', { exact: true }).fill(password)
  await page.getByRole('button', { name: 'Log in', exact: true }).click()
  await page.getByRole('heading', { name: 'Machines', level: 1 }).waitFor()
  const dialog = () => page.getByRole('dialog')
  return {
    page,
    complaints,
    button: (name) => page.getByRole('button', { name, exact: typeof name === 'string' }),
    sees: (text) => page.getByText(text).first().waitFor(),
    dialog,
    go: (place) => page.getByRole('navigation').getByRole('link', { name: place, exact: true }).click(),
    titled: (name) => page.getByRole('heading', { name, level: 1, exact: true }).waitFor(),
    closed: () => dialog().waitFor({ state: 'detached' }),
    close: () => browser.close(),
  }
}

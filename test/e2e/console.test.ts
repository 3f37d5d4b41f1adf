import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { createHash, randomFillSync } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { launchBrowser } from './bed/browser.ts'
import { ownEnvironment } from './bed/environment.ts'
import { freeTcpPort } from './bed/free-port.ts'
import { until } from './bed/until.ts'

/** The console in a real browser against a real server. What a machine sends is sent here by hand: no virtual machine is needed. */
const root = join(import.meta.dirname, '../..')
const dir = mkdtempSync(join(tmpdir(), 'reveille-console-'))
const KNOWN = '52:54:00:00:c0:01'
const STRANGER = '52:54:00:00:c0:02'
let base: string
let server: ChildProcess
let browser: Browser
let page: Page
const complaints: string[] = []

/** The control socket speaks the same API as the console, without a login. */
function api(method: string, path: string, body?: unknown): unknown {
  const text = execFileSync('curl', [
    ...['-sS', '--fail-with-body', '-X', method, '--unix-socket', join(dir, 'data/control.sock')],
    ...(body === undefined ? [] : ['-H', 'content-type: application/json', '-d', JSON.stringify(body)]),
    `http://localhost/api/v1${path}`,
  ]).toString()
  return text === '' ? undefined : JSON.parse(text)
}

const askForScript = (mac: string) => fetch(`${base}/boot/script.ipxe?mac=${mac}&platform=efi&arch=x86_64`)

beforeAll(async () => {
  execFileSync(join(root, 'scripts/build-web'), { stdio: 'inherit' })
  const port = await freeTcpPort()
  base = `http://127.0.0.1:${port}`
  server = spawn(
    join(root, 'bin/reveille'),
    ['serve', '--data-dir', join(dir, 'data'), '--http-listen', `127.0.0.1:${port}`],
    { stdio: ['ignore', 'ignore', 'inherit'], env: ownEnvironment() },
  )
  await until('the server is ready', 120_000, () => {
    if (server.exitCode !== null) throw new Error('the server ended; what it said stands above')
    return fetch(`${base}/readyz`).then(
      (answer) => answer.ok || undefined,
      () => undefined,
    )
  })
  browser = await launchBrowser()
  page = await browser.newPage({ viewport: { width: 1360, height: 850 } })
  page.setDefaultTimeout(60_000)
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => {
    // Chromium complains of each refused request too; that is how refusals come. What breaks the page's own rules counts.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      complaints.push(message.text())
  })
})

afterAll(async () => {
  await browser?.close()
  if (server && server.exitCode === null) {
    server.kill('SIGTERM')
    await once(server, 'exit')
  }
  rmSync(dir, { recursive: true, force: true })
})

const button = (name: string | RegExp) => page.getByRole('button', { name, exact: typeof name === 'string' })
const sees = (text: string | RegExp) => page.getByText(text).first().waitFor()
/** Picks from a searchable list: types what is wanted and takes what is found. */
async function choose(label: string, profile: string): Promise<void> {
  await page.getByRole('dialog').getByRole('combobox', { name: label }).fill(profile)
  await page.getByRole('option', { name: new RegExp(`^${profile}\\b`) }).click()
}

test('a wrong password is told kindly, the right one leads to an empty list that says what to do', async () => {
  await page.goto(base)
  await page.getByLabel('Password', { exact: true }).fill('not the password')
  await button('Log in').click()
  await page.getByRole('alert').waitFor()
  expect(await page.getByLabel('User').inputValue()).toBe('admin')
  expect(await page.getByLabel('Password', { exact: true }).inputValue()).toBe('')

  await page.getByLabel('Password', { exact: true }).fill(readFileSync(join(dir, 'data/admin-password'), 'utf8').trim())
  await button('Log in').click()
  await sees('No machine was seen yet')
  await sees(/it will appear here/)
})

test('a profile is created', async () => {
  await page.getByRole('link', { name: 'Profiles' }).click()
  await button('Create profile').first().click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Name').fill('own-disk')
  await dialog.getByRole('combobox', { name: 'Kind' }).click()
  await page.getByRole('option', { name: /^local/ }).click()
  await dialog.getByRole('button', { name: 'Create profile' }).click()
  await page.getByRole('cell', { name: 'own-disk', exact: true }).waitFor()
  expect(api('GET', '/profiles/own-disk')).toMatchObject({ kind: 'local' })
})

test('a name that exists already is refused beside the form, and what was typed stays', async () => {
  await button('Create profile').first().click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Name').fill('own-disk')
  await dialog.getByRole('combobox', { name: 'Kind' }).click()
  await page.getByRole('option', { name: /^local/ }).click()
  await dialog.getByRole('button', { name: 'Create profile' }).click()
  await dialog.getByRole('alert').waitFor()
  expect(await dialog.getByLabel('Name').inputValue()).toBe('own-disk')
  await dialog.getByRole('button', { name: 'Cancel' }).click()
  await dialog.waitFor({ state: 'detached' })
})

test('a machine that is registered elsewhere, and one that boots for the first time, appear without a reload', async () => {
  await page.getByRole('link', { name: 'Machines' }).click()
  await sees('No machine was seen yet')
  api('POST', '/machines', { name: 'known', macs: [KNOWN] })
  await page.getByRole('link', { name: 'known', exact: true }).waitFor()
  await askForScript(STRANGER)
  await page.getByRole('row', { name: /discovered/ }).waitFor()
  await sees('1 new')
})

test('a discovered machine is explained, approved, and tells what it would boot', async () => {
  await page
    .getByRole('row', { name: /discovered/ })
    .getByRole('link')
    .first()
    .click()
  await sees(/not approved/)
  await page.getByRole('list', { name: 'Stages of this boot' }).waitFor()
  await button('Approve').click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Name').fill('stranger')
  await choose('Profile', 'own-disk')
  await dialog.getByRole('button', { name: 'Approve' }).click()
  await page.getByRole('heading', { name: 'stranger', level: 1 }).waitFor()
  expect(new URL(page.url()).pathname).toBe('/machines/stranger')
  expect(api('GET', '/machines/stranger')).toMatchObject({ state: 'ready', profile: 'own-disk' })
  await page.getByRole('tab', { name: 'Script' }).click()
  await sees(/#!ipxe/)
})

test('its next request appears in the boot trace while one looks at it', async () => {
  await page.getByRole('tab', { name: 'Boot trace' }).click()
  const events = page.getByRole('list', { name: 'What happened' }).getByRole('listitem')
  await events.first().waitFor()
  const before = await events.count()
  await askForScript(STRANGER)
  await until('the event is shown', 15_000, async () => ((await events.count()) > before ? true : undefined))
})

test('it is edited, and a wrong address is refused beside its field', async () => {
  await button('Edit').click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Fixed IP').fill('10.0.0.999')
  await dialog.getByLabel('Notes').fill('Fan 3 is loud')
  await dialog.getByRole('button', { name: 'Save' }).click()
  await dialog.getByRole('alert').waitFor()
  await dialog.getByLabel('Fixed IP').fill('')
  await dialog.getByRole('button', { name: 'Save' }).click()
  await dialog.waitFor({ state: 'detached' })
  await sees('Fan 3 is loud')
  expect(api('GET', '/machines/stranger')).toMatchObject({ notes: 'Fan 3 is loud', ip: null })
})

test('a next boot is ordered and taken back', async () => {
  await button('Next boot').click()
  await choose('Boot just once', 'own-disk')
  await button('Order next boot').click()
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  await button('Take back').waitFor()
  expect(api('GET', '/machines/stranger/boot')).toMatchObject({ once: { profile: 'own-disk', orderedBy: 'admin' } })
  await button('Take back').click()
  await button('Take back').waitFor({ state: 'detached' })
  expect(api('GET', '/machines/stranger/boot')).toMatchObject({ once: null })
})

test('many machines get a profile at once', async () => {
  await page.getByRole('link', { name: 'Machines' }).click()
  await page.getByLabel('Choose all machines of this page').check()
  await sees('2 machines chosen')
  await button('Set profile').click()
  await choose('Profile', 'own-disk')
  await page.getByRole('dialog').getByRole('button', { name: 'Set profile' }).click()
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  expect(api('GET', '/machines/known')).toMatchObject({ profile: 'own-disk' })
})

test('an image is uploaded from the browser and is on the server as it was', async () => {
  await page.getByRole('link', { name: 'Images' }).click()
  await button('Upload image').first().click()
  const dialog = page.getByRole('dialog')
  await dialog.getByText('Kernel and initrds').click()
  await dialog.getByLabel('Name').fill('tiny')
  const file = (name: string, size: number) => ({
    name,
    mimeType: 'application/octet-stream',
    buffer: Buffer.alloc(size, name),
  })
  const inputs = page.locator('input[type=file]')
  await inputs.nth(0).setInputFiles(file('vmlinuz', 5_000_000))
  await inputs.nth(1).setInputFiles([file('initrd one.img', 70_000), file('two.img', 0x40)])
  await dialog.getByLabel('Command line').fill('console=ttyS0')
  await dialog.getByRole('button', { name: 'Upload' }).click()
  await dialog.waitFor({ state: 'detached' })
  await page.getByRole('heading', { name: 'tiny', level: 1 }).waitFor()
  await page.getByRole('cell', { name: 'vmlinuz', exact: true }).waitFor()
  expect(api('GET', '/images/tiny')).toMatchObject({
    latest: 1,
    versions: [
      {
        cmdline: 'console=ttyS0',
        files: [
          { role: 'kernel', name: 'vmlinuz', bytes: 5_000_000 },
          { role: 'initrd', name: 'initrd-one.img', bytes: 70_000 },
          { role: 'initrd', name: 'two.img', bytes: 64 },
        ],
      },
    ],
  })
})

test('of a disk that is uploaded again only the chunks that changed are new', async () => {
  const chunk = 4 * 1024 * 1024
  const disk = Buffer.alloc(5 * chunk + 512)
  randomFillSync(disk, chunk, chunk)
  randomFillSync(disk, 5 * chunk, 512)
  const upload = async (version: number) => {
    writeFileSync(join(dir, 'desk.img'), disk)
    await page.locator('input[type=file]').setInputFiles(join(dir, 'desk.img'))
    await page.getByRole('dialog').getByRole('button', { name: 'Upload' }).click()
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    await page.getByRole('heading', { name: new RegExp(`^@${version}`), level: 2 }).waitFor()
  }
  await page.getByRole('link', { name: 'Images' }).click()
  await button('Upload image').first().click()
  await upload(1)
  await page.getByRole('heading', { name: 'desk', level: 1 }).waitFor()
  disk[2 * chunk] = 1
  await button('New version').click()
  await upload(2)
  const versions = [1, 2].map((number) => ({ number, disk: { bytes: disk.length } }))
  const image = api('GET', '/images/desk') as { versions: { disk: { allocatedBytes: number; addedBytes: number } }[] }
  expect(image).toMatchObject({ kind: 'disk', versions })
  expect(image.versions.map((version) => version.disk.addedBytes)).toEqual([chunk + 512, chunk])
  await button('What to do with desk@2').click()
  await page.getByRole('menuitem', { name: 'Verify…' }).click()
  await sees('Every byte is what it was')
  await sees(createHash('sha256').update(disk).digest('hex'))
  await page.getByRole('dialog').getByRole('button', { name: 'Close' }).last().click()
})

test('a profile that installs it is made, and a deployment ordered, watched and cancelled', async () => {
  await page.getByRole('link', { name: 'Profiles' }).click()
  await button('Create profile').first().click()
  const drawer = page.getByRole('dialog')
  await drawer.getByLabel('Name', { exact: true }).fill('desk-install')
  await drawer.getByRole('combobox', { name: 'Kind' }).click()
  await page.getByRole('option', { name: /^install/ }).click()
  await drawer.getByRole('combobox', { name: 'Image', exact: true }).fill('desk@1')
  await page.getByRole('option', { name: /^desk@1/ }).click()
  await drawer.getByRole('button', { name: 'Create profile' }).click()
  await page.getByRole('cell', { name: 'desk-install', exact: true }).waitFor()

  await page.goto(`${base}/machines/stranger`)
  await button('Deploy').click()
  const dialog = page.getByRole('dialog')
  const deploy = dialog.getByRole('button', { name: 'Deploy stranger' })
  await choose('Profile', 'desk-install')
  await dialog.getByText('The disks of this machine are not known yet').waitFor()
  expect(await deploy.isDisabled()).toBe(true)
  await dialog.getByLabel(/name the disk that may be overwritten/).fill('DISK-1')
  await deploy.click()
  await page.getByRole('heading', { name: 'install desk-install on stranger', level: 1 }).waitFor()
  await page.getByRole('list', { name: 'The way of a deployment' }).waitFor()
  await button('Cancel').click()
  await sees(/not touched|No byte of a disk was written/)
  await button('Cancel it').click()
  await page.getByRole('list', { name: 'The way of a deployment' }).waitFor({ state: 'detached' })
  const { items } = api('GET', '/machines/stranger/deployments') as { items: unknown[] }
  expect(items).toMatchObject([{ state: 'cancelled', dirty: false, arm: [{ disk: 'DISK-1' }], orderedBy: 'admin' }])

  await page.getByRole('link', { name: 'Deployments' }).click()
  await sees('Nothing is being deployed')
  await button('cancelled').click()
  await page.getByRole('link', { name: 'install desk-install' }).waitFor()
})

test('the search finds a machine by its MAC, with the keyboard alone', async () => {
  await page.keyboard.press('Control+k')
  await page.keyboard.type(KNOWN)
  await page.getByRole('option', { name: /known/ }).waitFor()
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'known', level: 1 }).waitFor()
})

test('every other page opens', async () => {
  for (const [link, heading] of [
    ['Rooms', 'Rooms'],
    ['Deployments', 'Deployments'],
    ['Volumes', 'Volumes'],
    ['Sessions', 'Sessions'],
    ['Networks', 'Networks'],
    ['Status', 'Status'],
    ['Tokens', 'Tokens'],
    ['Users', 'Users'],
    ['Audit', 'Audit'],
  ] as const) {
    await page.getByRole('navigation').getByRole('link', { name: link }).click()
    await page.getByRole('heading', { name: heading, level: 1 }).waitFor()
    await until('everything is loaded', 15_000, async () =>
      (await page.getByRole('status', { name: 'Loading' }).count()) === 0 ? true : undefined,
    )
    expect(await page.getByRole('main').getByRole('alert').count(), link).toBe(0)
  }
  await sees('machine.approve')
})

test('of many machines the way back leads to the page one came from, and a room is made of those that are chosen', async () => {
  const machines = Array.from({ length: 120 }, (_, at) => ({
    name: `many-${String(at).padStart(3, '0')}`,
    macs: [`52:54:00:00:c1:${at.toString(16).padStart(2, '0')}`],
  }))
  api('POST', '/apply', { machines })
  await page.goto(`${base}/machines?q=many-`)
  await page.getByRole('button', { name: 'Next page' }).click()
  await sees('51–100 of 120')
  await page.getByRole('link', { name: 'many-052', exact: true }).click()
  await page.getByRole('heading', { name: 'many-052', level: 1 }).waitFor()
  await page.goBack()
  await sees('51–100 of 120')
  await page.getByRole('button', { name: 'Machine', exact: true }).click()
  await sees('1–50 of 120')
  await page.getByRole('link', { name: 'many-119', exact: true }).waitFor()

  await page.getByLabel('Choose many-119').check()
  await page.getByLabel('Choose many-118').check()
  await button('Tags').click()
  await page.getByRole('dialog').getByRole('combobox', { name: 'Give' }).fill('night-shift')
  await page.keyboard.press('Enter')
  await page.getByRole('dialog').getByRole('button', { name: 'Change tags' }).click()
  await sees('The tags of 2 machines are as wanted.')
  expect(api('GET', '/rooms?q=night')).toMatchObject({ items: [{ tag: 'night-shift', machines: 2 }] })
})

test('after the log out nothing is shown any more, and no page complained', async () => {
  await button(/account/).click()
  await page.getByRole('menuitem', { name: 'Log out' }).click()
  await button('Log in').waitFor()
  await page.goto(`${base}/machines/stranger`)
  await button('Log in').waitFor()
  expect(await page.getByText('stranger').count()).toBe(0)
  expect(complaints).toEqual([])
})

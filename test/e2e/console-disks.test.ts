import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { promisify } from 'node:util'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildConsole, type ConsolePage, openConsolePage } from './bed/console-page.ts'
import { freeTcpPort } from './bed/free-port.ts'
import { Server } from './bed/server.ts'
import { until } from './bed/until.ts'

/** Volumes, who is logged in to them, profiles of disks and rooms: in a real browser, against a real server, with QEMU as initiator. */
const run = promisify(execFile)
let server: Server
let console: ConsolePage
let page: Page
let initiator: ChildProcess | undefined

beforeAll(async () => {
  buildConsole()
  const port = await freeTcpPort()
  server = await Server.make({
    http: { listen: `127.0.0.1:${port}` },
    iscsi: { enabled: true, listen: `127.0.0.1:${await freeTcpPort()}` },
    advertise: '127.0.0.1',
  })
  console = await openConsolePage(`http://127.0.0.1:${port}`, server.dataDir)
  page = console.page
})

afterAll(async () => {
  initiator?.kill('SIGKILL')
  await console?.close()
  await server?.remove()
})

const button = (name: string | RegExp) => console.button(name)
const sees = (text: string | RegExp) => console.sees(text)
const dialog = () => console.dialog()
const go = (place: string) => console.go(place)
const titled = (name: string) => console.titled(name)
const closed = () => console.closed()

type Given = { uri: string; user: string; secret: string }
let given: Given

/** One command of QEMU's initiator, with the address and the secret that the console told. */
const qemuIo = ({ uri, user, secret }: Given, commands: readonly string[]) =>
  [
    'qemu-io',
    ['-f', 'raw', ...commands.flatMap((command) => ['-c', command]), uri],
    { env: { ...process.env, LIBISCSI_CHAP_USERNAME: user, LIBISCSI_CHAP_PASSWORD: secret } },
  ] as const
const io = async (...commands: string[]) => {
  const { stdout } = await run(...qemuIo(given, commands))
  if (/failed|error/i.test(stdout)) throw new Error(stdout)
}

test('without volumes the page says what to do, and one is made', async () => {
  await go('Volumes')
  await sees('There is no volume yet')
  await button('Create volume').first().click()
  await dialog().getByLabel('Name').fill('games')
  await dialog().getByText('Empty', { exact: true }).click()
  await dialog().getByLabel('Size in GiB').fill('0.0625')
  await dialog().getByRole('button', { name: 'Create volume' }).click()
  await titled('games')
  expect(await server.api('GET', '/volumes/games')).toMatchObject({ bytes: 64 * 1024 * 1024, condition: 'ready' })
})

test('it is exported with a secret that is told once, and QEMU writes to it', async () => {
  await button('Export').click()
  await dialog().getByRole('button', { name: 'Export' }).click()
  await sees('Copy the secret now')
  const value = async (name: string) =>
    (
      (await dialog().locator('dt', { hasText: name }).locator('xpath=following-sibling::dd[1]').textContent()) ?? ''
    ).trim()
  given = { uri: await value('Address'), user: await value('User'), secret: await value('Secret') }
  await dialog().getByRole('button', { name: 'Done' }).click()
  await closed()
  expect(await page.content()).not.toContain(given.secret)
  await io('write -P 0x11 0 1M', 'flush')
})

test('a snapshot is taken, the content changes, and reverting brings it back after it said what is lost', async () => {
  await button('Take a snapshot').click()
  await dialog().getByLabel('Name').fill('clean')
  await dialog().getByRole('button', { name: 'Take snapshot' }).click()
  await closed()
  await button('What to do with clean').waitFor()
  await io('write -P 0x22 0 1M', 'flush')
  await button('What to do with clean').click()
  await page.getByRole('menuitem', { name: 'Revert to it…' }).click()
  await sees(/Everything that was written to games since the snapshot clean was taken/)
  await dialog().getByRole('button', { name: 'Revert' }).click()
  await closed()
  await page.locator('[aria-current=true]').getByText('clean', { exact: true }).waitFor()
  await io('read -P 0x11 0 1M')
})

test('who is logged in is seen within seconds, and may be kicked', async () => {
  const [program, args, options] = qemuIo(given, [])
  initiator = spawn(program, [...args], { ...options, stdio: ['pipe', 'ignore', 'inherit'] })
  initiator.stdin?.write('read 0 64k\n')
  await go('Sessions')
  const row = page.getByRole('row').filter({ has: button('Kick') })
  await row.getByRole('link', { name: 'games' }).waitFor()
  await row.getByRole('button', { name: 'Kick' }).click()
  await button('End session').click()
  await sees('The session is ended.')
  initiator.kill('SIGKILL')
  await once(initiator, 'exit')
  await sees('Nobody is logged in')
})

test('it is published as an image version while one looks at it', async () => {
  await go('Volumes')
  await page.getByRole('link', { name: 'games', exact: true }).click()
  await button('Publish').click()
  await dialog().getByLabel('Note').fill('from the console')
  await dialog().getByRole('button', { name: 'Publish' }).click()
  await closed()
  await page.getByRole('link', { name: 'Show games@1' }).click()
  await titled('games')
  await page.getByRole('heading', { name: /^@1/, level: 2 }).waitFor()
  expect(await server.api('GET', '/images/games')).toMatchObject({ latest: 1 })
})

test('it is deleted only by its name, and not while it is exported', async () => {
  await go('Volumes')
  await page.getByRole('link', { name: 'games', exact: true }).click()
  await button('More').click()
  await page.getByRole('menuitem', { name: 'Delete…' }).click()
  const remove = dialog().getByRole('button', { name: 'Delete volume' })
  expect(await remove.isDisabled()).toBe(true)
  await dialog().getByLabel('Type games to go on').fill('games')
  await remove.click()
  await dialog().getByRole('alert').first().waitFor()
  await dialog().getByRole('button', { name: 'Cancel' }).click()
  await closed()
  await button('End').click()
  await button('End export').click()
  await sees('It is not served now')
  await button('More').click()
  await page.getByRole('menuitem', { name: 'Delete…' }).click()
  await dialog().getByLabel('Type games to go on').fill('games')
  await remove.click()
  await sees('There is no volume yet')
})

test('a diskless profile is made of disks in their order', async () => {
  await go('Profiles')
  await button('Create profile').first().click()
  await dialog().getByLabel('Name', { exact: true }).fill('desktop')
  await dialog().getByRole('combobox', { name: 'Kind' }).click()
  await page.getByRole('option', { name: /^diskless/ }).click()
  await dialog().getByRole('combobox', { name: 'Image', exact: true }).fill('games@1')
  await page.getByRole('option', { name: /^games@1/ }).click()
  await dialog().getByRole('combobox', { name: 'Its own writes are' }).click()
  await page.getByRole('option', { name: 'dropped at every boot' }).click()
  await dialog().getByRole('button', { name: 'Create profile' }).click()
  await page.getByRole('link', { name: 'desktop', exact: true }).click()
  await titled('desktop')
  await sees('Maintenance of the master')
  expect(await server.api('GET', '/profiles/desktop')).toMatchObject({
    disks: [{ use: 'overlay', image: 'games@1', policy: 'reset-at-boot' }],
  })
})

test('a room gets a profile together; what cannot be switched is named with the reason', async () => {
  for (const n of [1, 2, 3])
    await server.api('POST', '/machines', { name: `pc-${n}`, macs: [`52:54:00:00:d0:0${n}`], tags: ['cafe'] })
  await go('Rooms')
  await page.getByRole('link', { name: /cafe/ }).click()
  await page.getByRole('list').getByRole('link', { name: 'pc-3' }).waitFor()
  await button('More').click()
  await page.getByRole('menuitem', { name: 'Set profile…' }).click()
  await dialog().getByRole('combobox', { name: 'Profile' }).fill('desktop')
  await page.getByRole('option', { name: /^desktop/ }).click()
  await dialog().getByRole('button', { name: 'Set profile' }).click()
  await closed()
  await sees('3 of 3 machines done.')
  expect(await server.api('GET', '/machines/pc-2')).toMatchObject({ profile: 'desktop' })

  await page.getByLabel('Choose pc-1').check()
  await page.getByLabel('Choose pc-2').check()
  await button('Switch on').click()
  await dialog().getByLabel('Seconds between two machines').fill('0')
  await dialog().getByRole('button', { name: 'Switch on' }).click()
  await sees('0 of 2 machines done, 2 failed.')
  await page
    .getByRole('list', { name: 'What failed' })
    .getByText(/nothing is known that could switch it/)
    .waitFor()
  // The address leads to it again, and those that failed are tried again together.
  await page.reload()
  await button('Try again for the 2 that failed').click()
  await dialog().getByText('pc-1, pc-2').waitFor()
  await dialog().getByRole('button', { name: 'Cancel' }).click()
  await closed()
  await page.goto(`${page.url().split('?')[0]}?tiles=small`)
  await page.getByRole('list').getByRole('link', { name: 'pc-3' }).waitFor()
  await page.getByRole('link', { name: 'Batches' }).click()
  await page.getByRole('cell', { name: 'Set the profile of 3 machines to desktop' }).waitFor()
})

test('the master is opened for one machine, and the change dropped again', async () => {
  await go('Profiles')
  await page.getByRole('link', { name: 'desktop', exact: true }).click()
  await button('Start').click()
  await dialog().getByRole('combobox', { name: 'Machine', exact: true }).fill('pc-1')
  await page.getByRole('option', { name: 'pc-1' }).click()
  await dialog().getByRole('button', { name: 'Start maintenance' }).click()
  await sees('pc-1 changes the master')
  await button('Discard').click()
  await sees(/All that pc-1 wrote/)
  await button('Discard changes').click()
  await button('Start').waitFor()
  await sees(/discarded on pc-1/)
})

test('the machine page shows that it has no disk yet and how to get one', async () => {
  await go('Machines')
  await page.getByRole('link', { name: 'pc-1', exact: true }).click()
  await page.getByRole('tab', { name: 'Diskless' }).click()
  await sees('It has no disk over iSCSI of its own')
  await page.getByRole('tab', { name: 'System' }).click()
  await button('Ask through SSH').click()
  await until('the server says how it is reached', 15_000, async () =>
    (await page.getByRole('tabpanel').getByRole('alert').count()) > 0 ? true : undefined,
  )
})

test('no page complained', () => {
  expect(console.complaints).toEqual([])
})

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildConsole, type ConsolePage, openConsolePage } from './bed/console-page.ts'
import { freeTcpPort } from './bed/free-port.ts'
import { Server } from './bed/server.ts'

/** Drivers, BMCs and consoles: in a real browser, against a real server, with ipmitool as the program that drives the machine. */
const run = promisify(execFile)
let server: Server
let console: ConsolePage
let page: Page

beforeAll(async () => {
  buildConsole()
  const port = await freeTcpPort()
  const first = await freeTcpPort()
  server = await Server.make({
    http: { listen: `127.0.0.1:${port}` },
    iscsi: { enabled: false },
    gateway: { host: '127.0.0.1', ports: `${first}-${first + 20}` },
    advertise: '127.0.0.1',
  })
  await server.api('POST', '/machines', { name: 'web1', macs: ['52:54:00:aa:00:01'], tags: ['rack-a'] })
  await server.api('POST', '/machines', { name: 'web2', macs: ['52:54:00:aa:00:02'], tags: ['rack-a'] })
  console = await openConsolePage(`http://127.0.0.1:${port}`, server.dataDir)
  page = console.page
})

afterAll(async () => {
  await console?.close()
  await server?.remove()
})

const button = (name: string | RegExp) => console.button(name)
const sees = (text: string | RegExp) => console.sees(text)
const dialog = () => console.dialog()
const go = (place: string) => console.go(place)
const closed = () => console.closed()

let given = { host: '', port: '', user: '', password: '' }

test('a machine without drivers says what to do, and is given one that asks a person', async () => {
  await page.getByRole('link', { name: 'web1', exact: true }).click()
  await page.getByRole('tab', { name: 'Power and BMC' }).click()
  await sees('Nothing is known that could switch it')
  await button('Add driver').click()
  await dialog().getByLabel('Kind').click()
  await page.getByRole('option', { name: 'By hand' }).click()
  await dialog().getByLabel('Name').fill('hands')
  await dialog().getByRole('button', { name: 'Save' }).click()
  await closed()
  await sees('Look at the machine: it is')
  await button('on').click()
  await sees('web1 is on, as you say.')
})

test('what is wrong with a driver is said beside its field, and nothing is kept', async () => {
  await button('Add driver').click()
  await dialog().getByLabel('Address').fill('not an address!')
  await dialog().getByRole('button', { name: 'Save' }).click()
  await dialog().getByText('a host name or an address').first().waitFor()
  await dialog().getByRole('button', { name: 'Cancel' }).click()
  await closed()
  const kept = await server.api<{ items: unknown[] }>('GET', '/machines/web1/power/drivers')
  expect(kept.items).toHaveLength(1)
})

test('a BMC is added, and its password is shown once', async () => {
  await button('Add BMC').click()
  await dialog().getByLabel('User').fill('ironic')
  await dialog().getByRole('button', { name: 'Add', exact: true }).click()
  await dialog().getByText('The password is shown this once').waitFor()
  const values = await dialog().locator('dd').allInnerTexts()
  const [host = '', port = '', user = '', password = ''] = values.map((value) => value.trim())
  given = { host, port, user, password }
  expect([host, user]).toEqual(['127.0.0.1', 'ironic'])
  expect(password).toMatch(/^\S{12,20}$/)
  await button('I have it').click()
  await closed()
  await sees('answers')
})

test('ipmitool drives the machine through it, and the page shows that', async () => {
  const { host, port, user, password } = given
  const ipmitool = (...words: string[]) =>
    run('ipmitool', ['-I', 'lanplus', '-C', '17', '-H', host, '-p', port, '-U', user, '-P', password, ...words])
  expect((await ipmitool('power', 'status')).stdout).toBe('Chassis Power is on\n')
  expect((await ipmitool('chassis', 'bootdev', 'disk')).stdout).toContain('Set Boot Device to disk')
  await page.getByRole('link', { name: 'Accounts, routes, log' }).click()
  await page.getByRole('heading', { name: 'BMC of web1', level: 1 }).waitFor()
  await sees('Disk, the next time only, as legacy BIOS.')
  await sees(/ironic/)
  await expect(
    run('ipmitool', ['-I', 'lanplus', '-H', host, '-p', port, '-U', user, '-P', 'wrong', 'power', 'status']),
  ).rejects.toThrow()
})

test('routes are changed where they are shown, and explained', async () => {
  await page.getByRole('combobox', { name: 'Where power.soft goes' }).click()
  await page.getByRole('option', { name: 'driver hands' }).click()
  await sees('Commands to web1 go the new way')
  await page.getByLabel('What would become of a command?').fill('chassis power on')
  await button('Explain').click()
  await sees(/hands/)
  await button('Account').click()
  await page.getByRole('menuitem', { name: 'New password' }).click()
  await dialog().getByText('The password is shown this once').waitFor()
  const password = (await dialog().locator('dd').allInnerTexts())[3]?.trim()
  expect(password).not.toBe(given.password)
  await button('I have it').click()
  await closed()
})

test('a rule gives machines with a tag a BMC', async () => {
  await go('BMCs')
  await button('Add rule').click()
  await dialog().getByLabel('Name').fill('rack')
  await dialog().getByLabel('Tag').fill('rack-a')
  await dialog().getByRole('button', { name: 'Save' }).click()
  await closed()
  await page.getByRole('link', { name: 'web2', exact: true }).waitFor()
  await sees('rule rack')
})

test('consoles say where to open one, and nothing broke on the way', async () => {
  await go('Consoles')
  await sees('Nobody looks at a console, and nothing was kept')
  expect(console.complaints).toEqual([])
})

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildConsole, type ConsolePage, openConsolePage } from './bed/console-page.ts'
import { freeTcpPort } from './bed/free-port.ts'
import { Server } from './bed/server.ts'

/** Configs in a real browser, against a real server. */
let server: Server
let console: ConsolePage
let page: Page

beforeAll(async () => {
  buildConsole()
  const port = await freeTcpPort()
  server = await Server.make({
    http: { listen: `127.0.0.1:${port}` },
    iscsi: { enabled: false },
    advertise: '127.0.0.1',
  })
  await server.api('POST', '/machines', { name: 'web1', macs: ['52:54:00:aa:00:01'], tags: ['rack-a'] })
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

test('a config with faults is told where they are, and is not kept', async () => {
  await go('Configs')
  await sees('No config yet')
  await button('Add config').first().click()
  await dialog().getByLabel('Name', { exact: true }).fill('node')
  await dialog().getByLabel('Kind').click()
  await page.getByRole('option', { name: 'cloud-init (NoCloud)' }).click()
  await dialog().getByLabel('Template').fill('#cloud-config\nhostname: {{ machine.hostnme }}\nrole: {{ role }}\n')
  await dialog().getByRole('button', { name: 'Check' }).click()
  await dialog().getByText('undefined variable: machine.hostnme').waitFor()
  await dialog()
    .getByText(/machine has .*hostname/)
    .waitFor()
  await dialog().getByRole('button', { name: 'Add config' }).click()
  await dialog()
    .getByText(/line 2, column/)
    .first()
    .waitFor()
  expect((await server.api<{ items: unknown[] }>('GET', '/configs')).items).toEqual([])
})

test('it is kept once it is right, and asks for what it needs', async () => {
  await dialog().getByLabel('Template').fill('#cloud-config\nhostname: {{ machine.hostname }}\nrole: {{ role }}\n')
  await dialog().getByRole('button', { name: 'Add a value that it asks for' }).click()
  await dialog().getByLabel('Value', { exact: true }).fill('role')
  await dialog().getByRole('button', { name: 'Add config' }).click()
  await closed()
  await page.getByRole('link', { name: 'node', exact: true }).click()
  await page.getByPlaceholder('Choose a machine').click()
  await page.getByRole('option', { name: 'web1' }).click()
  await sees('the variable role has no value for this machine')
})

test('a value for a tag reaches its machines', async () => {
  await go('Configs')
  await button('Set value').click()
  await dialog().getByLabel('Name', { exact: true }).fill('role')
  await dialog().getByLabel('For').click()
  await page.getByRole('option', { name: 'machines with a tag' }).click()
  await dialog().getByLabel('Tag').fill('rack-a')
  await dialog().getByLabel('Value', { exact: true }).fill('worker')
  await dialog().getByRole('button', { name: 'Set', exact: true }).click()
  await closed()
  await page.getByRole('link', { name: 'node', exact: true }).click()
  await page.getByPlaceholder('Choose a machine').click()
  await page.getByRole('option', { name: 'web1' }).click()
  await sees(/role: worker/)
  await sees(/local-hostname: web1/)
})

test('a new version says what is new in it, and the old one stays', async () => {
  await button('Edit').click()
  await dialog().getByLabel('Template').fill('#cloud-config\nhostname: {{ machine.hostname }}\nduty: {{ role }}\n')
  await dialog().getByRole('button', { name: 'Save as a new version' }).click()
  await closed()
  await sees('What is new in version 2')
  await sees('+duty: {{ role }}')
  const kept = await server.api<{ parts: { content: string }[] }>('GET', '/configs/node/versions/1')
  expect(kept.parts[0]?.content).toContain('role: {{ role }}')
})

test('a site as YAML is compared with the server, mended, applied and taken back', async () => {
  await go('Site')
  await console.titled('Site')
  const yaml = page.getByLabel('Site as YAML')
  await yaml.fill('machines:\n  - name: web2\n    macs: ["52:54:00:aa:00:02"]\n    colour: red\n')
  await button('Show what would change').click()
  await sees('Nothing was changed: 1 problems')
  await sees('site.yaml:4:13')
  await yaml.fill('machines:\n  - name: web2\n    macs: ["52:54:00:aa:00:02"]\n')
  await button('Show what would change').click()
  await sees('machine web2')
  expect((await server.api<{ items: unknown[] }>('GET', '/machines')).items).toHaveLength(1)
  await button('Apply').click()
  await sees('What was changed')
  expect((await server.api<{ items: unknown[] }>('GET', '/machines')).items).toHaveLength(2)
  await button('Take this server').click()
  await expect.poll(() => yaml.inputValue(), { timeout: 60_000 }).toContain('web1')
  await button('Show what would change').click()
  await sees('Nothing would change')
})

test('files of a folder, and of other servers, are taken', async () => {
  const files = page.locator('input[type=file]')
  const buffer = (text: string) => Buffer.from(text)
  await files.first().setInputFiles([
    { name: 'site.yaml', mimeType: 'text/yaml', buffer: buffer('configs:\n  - {name: motd, file: motd.txt}\n') },
    { name: 'motd.txt', mimeType: 'text/plain', buffer: buffer('I am {{ machine.name }}\n') },
  ])
  await sees('2 files, 1 of them YAML')
  await button('Show what would change').click()
  await sees('config motd')
  const conf = { name: 'dnsmasq.conf', mimeType: 'text/plain', buffer: buffer('dhcp-host=52:54:00:aa:00:03,web3\n') }
  await files.last().setInputFiles([conf])
  await button('Show what would change').click()
  await sees('machine web3')
  const folder = await mkdtemp(join(tmpdir(), 'rv-matchbox-'))
  try {
    await mkdir(join(folder, 'groups'))
    const selected = { id: 'web4', selector: { mac: '52:54:00:aa:00:04' } }
    await writeFile(join(folder, 'groups/web4.json'), JSON.stringify(selected))
    await writeFile(join(folder, 'groups/broken.json'), '{')
    await page.getByRole('combobox', { name: "Made of another server's files" }).click()
    await page.getByRole('option', { name: 'matchbox folder' }).click()
    await button('Choose its folder').waitFor()
    await files.last().setInputFiles(folder)
    await sees('To be looked at: 1 note')
    await sees(/groups\/broken\.json: this is not JSON/)
    await button('Show what would change').click()
    await sees('machine web4')
  } finally {
    await rm(folder, { recursive: true })
  }
  expect(console.complaints).toEqual([])
})

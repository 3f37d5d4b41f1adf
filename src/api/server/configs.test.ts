import { afterEach, beforeEach, expect, test } from 'vitest'
import { openWorld, type World } from '../../../test/api/world.ts'

let world: World

beforeEach(async () => {
  world = await openWorld()
  const { client } = await world.as('operator')
  await client.createMachine({ body: { name: 'pc01', macs: ['52:54:00:00:00:01'] } })
})
afterEach(() => world.close())

const TOKEN = { name: 'token', type: 'secret', default: null, description: '' } as const
const parts = (content: string) => [{ name: 'user-data', content }]
const MAIN = '#cloud-config\nhostname: {{ machine.name }}\npassword: {{ token }}\n'

async function withConfig() {
  const { client } = await world.as('operator')
  await client.createConfig({ body: { name: 'node', kind: 'cloud-init', parts: parts(MAIN), variables: [TOKEN] } })
  await client.setConfigValue({ params: { scope: 'all', name: 'token' }, body: { value: 'hunter2', secret: true } })
  return client
}

test('configs are created, listed in pages, read by version, changed, compared and removed', async () => {
  const client = await withConfig()
  const params = { config: 'node' }
  await client.createConfig({ body: { name: 'motd', kind: 'text', parts: [{ name: 'main', content: 'hello' }] } })
  const first = await client.listConfigs({ query: { limit: 1 } })
  expect(first.items.map(({ name }) => name)).toEqual(['motd'])
  const next = await client.listConfigs({ query: { limit: 1, cursor: first.next! } })
  expect(next.items.map(({ name }) => name)).toEqual(['node'])
  expect((await client.listConfigs({ query: { kind: 'text' } })).items).toHaveLength(1)
  expect((await client.listConfigs({ query: { q: 'NOD' } })).items).toHaveLength(1)
  const added = await client.addConfigVersion({ params, body: { parts: parts(`${MAIN}a: 1\n`), variables: [TOKEN] } })
  expect(added).toMatchObject({ latest: 2, versions: [{ number: 1, createdBy: 'operator-user' }, { number: 2 }] })
  expect(await client.getConfig({ params })).toEqual(added)
  const read = (version: string) => client.getConfigVersion({ params: { ...params, version } })
  expect((await read('1')).parts).toEqual(parts(MAIN))
  expect((await read('latest')).number).toBe(2)
  await expect(read('3')).rejects.toMatchObject({ code: 'not-found' })
  expect((await client.diffConfig({ params, query: { from: 1, to: 2 } })).diff).toContain('+a: 1')
  const rendered = await client.diffConfig({ params, query: { from: 1, to: 2, machine: 'pc01' } })
  expect(rendered.diff).toContain(' hostname: pc01')
  await client.removeConfig({ params })
  await expect(client.getConfig({ params })).rejects.toMatchObject({ code: 'not-found' })
  expect(world.accessRows.log.map(({ action }) => action)).toEqual(
    expect.arrayContaining(['config.create', 'config.version', 'config.delete', 'config.value.set']),
  )
})

test('what is no config is refused with its places, and nothing is kept', async () => {
  const client = await withConfig()
  const create = (body: object) => client.createConfig({ body: { name: 'x', kind: 'text', ...body } as never })
  await expect(create({ parts: [] })).rejects.toMatchObject({ status: 400 })
  await expect(create({ parts: [{ name: '../x', content: '' }] })).rejects.toMatchObject({ status: 400 })
  await expect(create({ name: 'Not A Name', parts: parts('') })).rejects.toMatchObject({ status: 400 })
  await expect(create({ parts: [{ name: 'main', content: 'a\n{{ nope }}' }] })).rejects.toMatchObject({
    code: 'validation-failed',
    message: expect.stringContaining('main line 2, column 4'),
  })
  await expect(create({ name: 'node', parts: [{ name: 'main', content: '' }] })).rejects.toMatchObject({
    code: 'conflict',
  })
  const broken = client.addConfigVersion({ params: { config: 'node' }, body: { parts: parts('a: [') } })
  await expect(broken).rejects.toMatchObject({ code: 'validation-failed' })
  expect((await client.listConfigs()).items).toMatchObject([{ name: 'node', latest: 1 }])
  const validate = (content: string, machine?: string) =>
    client.validateConfig({
      body: { kind: 'cloud-init', parts: parts(content), ...(machine === undefined ? {} : { machine }) },
    })
  expect(await validate('a: {{ machine.name }}', 'pc01')).toEqual({ valid: true, problems: [], machines: 1 })
  expect(await validate('a: {{ x }}')).toMatchObject({
    valid: false,
    problems: [{ line: 1, column: 7, machine: null }],
  })
  await expect(validate('a: 1', 'pc99')).rejects.toMatchObject({ code: 'not-found' })
})

test('values belong to all, to tags that nobody has yet, and to machines, also when these get another name', async () => {
  const client = await withConfig()
  const set = (scope: string, value: unknown, name = 'room') =>
    client.setConfigValue({ params: { scope, name }, body: { value } })
  await set('tag:nobody', 'r1')
  expect(await set('machine:pc01', ['a', 'b'])).toMatchObject({
    scope: 'machine:pc01',
    value: ['a', 'b'],
    secret: false,
  })
  const id = world.machines.find('pc01')!.id
  await client.updateMachine({ params: { machine: id }, body: { name: 'pc02' } })
  const { items } = await client.listConfigValues()
  expect(items.map(({ scope, name, value }) => [scope, name, value])).toEqual(
    expect.arrayContaining([
      ['all', 'token', '[secret]'],
      ['machine:pc02', 'room', ['a', 'b']],
      ['tag:nobody', 'room', 'r1'],
    ]),
  )
  const page = await client.listConfigValues({ query: { limit: 2 } })
  const rest = await client.listConfigValues({ query: { limit: 2, cursor: page.next! } })
  expect([...page.items, ...rest.items]).toEqual(items)
  expect((await client.listConfigValues({ query: { scope: 'machine:pc02' } })).items).toHaveLength(1)
  expect((await client.listConfigValues({ query: { q: 'PC02' } })).items).toMatchObject([{ scope: 'machine:pc02' }])
  expect((await client.listConfigValues({ query: { q: 'toke' } })).items).toMatchObject([{ name: 'token' }])
  await expect(set('machine:pc99', 1)).rejects.toMatchObject({ code: 'validation-failed' })
  await expect(set('everybody', 1)).rejects.toMatchObject({ code: 'validation-failed' })
  await expect(set('all', { a: 1 })).rejects.toMatchObject({ code: 'validation-failed' })
  await expect(set('all', null)).rejects.toMatchObject({ code: 'validation-failed' })
  await client.removeConfigValue({ params: { scope: 'tag:nobody', name: 'room' } })
  const again = client.removeConfigValue({ params: { scope: 'tag:nobody', name: 'room' } })
  await expect(again).rejects.toMatchObject({ code: 'not-found' })
  await client.deleteMachine({ params: { machine: id } })
})

test('viewers read templates and names of secrets, and render and change nothing', async () => {
  await withConfig()
  const { client } = await world.as('viewer')
  const params = { config: 'node' }
  expect((await client.getConfigVersion({ params: { ...params, version: '1' } })).parts).toEqual(parts(MAIN))
  expect((await client.listConfigValues()).items).toMatchObject([{ name: 'token', value: '[secret]', secret: true }])
  const body = { parts: parts('a: 1\n') }
  for (const forbidden of [
    () => client.renderConfig({ params, query: { machine: 'pc01' } }),
    () => client.diffConfig({ params, query: { from: 1, to: 1, machine: 'pc01' } }),
    () => client.createConfig({ body: { name: 'x', kind: 'cloud-init', ...body } }),
    () => client.addConfigVersion({ params, body }),
    () => client.removeConfig({ params }),
    () => client.setConfigValue({ params: { scope: 'all', name: 'x' }, body: { value: 1 } }),
    () => client.removeConfigValue({ params: { scope: 'all', name: 'token' } }),
  ])
    await expect(forbidden()).rejects.toMatchObject({ code: 'forbidden' })
})

test('no secret is in an answer, the log or the audit, even when it was given carelessly', async () => {
  const client = await withConfig()
  const answers: unknown[] = []
  const ask = async (answer: Promise<unknown>) => answers.push(await answer.catch((error) => [error, String(error)]))
  const set = (value: unknown, secret?: boolean, name = 'token') =>
    client.setConfigValue({ params: { scope: 'machine:pc01', name }, body: { value, ...(secret ? { secret } : {}) } })
  await ask(set('hunter2'))
  await ask(set(['hunter2'], true))
  await ask(set('hunter2', true, 'Hunter'))
  await ask(client.renderConfig({ params: { config: 'node' }, query: { machine: 'pc01' } }))
  await ask(client.diffConfig({ params: { config: 'node' }, query: { from: 1, to: 1, machine: 'pc01' } }))
  await ask(client.listConfigValues())
  await ask(
    client.validateConfig({
      body: { kind: 'text', parts: [{ name: 'main', content: '{{ token.x }}' }], variables: [TOKEN], machine: 'pc01' },
    }),
  )
  await ask(
    client.createConfig({
      body: {
        name: 'bad',
        kind: 'text',
        parts: [{ name: 'main', content: 'x' }],
        variables: [{ ...TOKEN, default: 'hunter2' }],
      },
    }),
  )
  expect(JSON.stringify(answers)).not.toContain('hunter2')
  expect(world.log.lines.join('')).not.toContain('hunter2')
  expect(JSON.stringify(world.accessRows.log)).not.toContain('hunter2')
  const rendered = await client.renderConfig({ params: { config: 'node' }, query: { machine: 'pc01' } })
  expect(rendered.parts[0]).toMatchObject({ secret: true, content: expect.stringContaining('[secret]') })
})

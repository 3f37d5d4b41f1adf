import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Deployment } from '../../src/api/contract/deployments.ts'
import { buildImage } from '../../src/imaging/build.ts'
import { FlashBed } from './bed/flash-bed.ts'
import { COUNTED, COUNTING_INIT, makeRoot } from './bed/system.ts'

/** Says what cloud-init would find, once the system runs from its disk. */
const SEED = '/var/lib/cloud/seed/nocloud'
const INIT = COUNTING_INIT.replace(
  'sync\n',
  `sync\nfor each in ${SEED}/*; do echo "SEED \${each##*/}: $(tr '\\n' '|' <"$each")" >/dev/console; done\n`,
)

let bed: FlashBed
let work = ''
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'rv-config-install-'))
  const root = join(work, 'root')
  await makeRoot(root, INIT)
  await mkdir(join(root, 'etc/cloud'))
  const file = join(work, 'disk.img')
  await buildImage({ file, from: root, cmdline: 'console=ttyS0 quiet', firmware: ['bios'] }, () => undefined)
  bed = await FlashBed.make()
  await bed.offer('small', await readFile(file))
  const parts = [
    { name: 'user-data', content: '#cloud-config\npassword: {{ password }}\nruncmd:\n  - wget -qO- {{ boot.home }}\n' },
    {
      name: 'network-config',
      content: 'version: 2\nethernets:\n  any:\n    match: {macaddress: "{{ machine.mac }}"}\n',
    },
  ]
  const variables = [{ name: 'password', type: 'secret' }]
  await bed.server.api('POST', '/configs', { name: 'node', kind: 'cloud-init', parts, variables })
  const targets = [{ image: 'small' }]
  await bed.server.api('POST', '/profiles', { name: 'seeded', kind: 'install', targets, config: 'node' })
}, 900_000)
afterAll(async () => {
  await bed?.remove()
  await rm(work, { recursive: true, force: true })
})

test('an installed system finds its config on its disk, is installed once, and no secret is kept', async () => {
  const { server } = bed
  const machine = await bed.machine('web1', 'bios', [1024])
  const arm = [{ disk: machine.serial(0) }]
  const order = { profile: 'seeded' }
  expect(await machine.refused({ ...order, arm })).toMatch(/password/)
  await server.api('PUT', '/config-values/all/password', { value: 'hunter2', secret: true })
  const id = await machine.order(order, 0)
  await machine.power('on')
  await machine.shows(`${COUNTED} boot 1`, 600_000)
  await machine.shows('SEED user-data', 30_000)
  const printed = await machine.printed()
  expect(printed).toMatch(/SEED meta-data: instance-id: \S+-1\|local-hostname: web1\|/)
  expect(printed).toMatch(/SEED user-data: #cloud-config\|password: hunter2\|runcmd:\|.*\/boot\/home\//)
  expect(printed).toMatch(/SEED network-config: version: 2\|/)
  const waiting = await server.api<Deployment>('GET', `/deployments/${id}`)
  expect(waiting).toMatchObject({ state: 'rebooting', reason: expect.stringContaining('it is to phone home') })
  // What cloud-init would do, had this system one.
  const [, home = ''] = /(\/boot\/home\/[\w~.-]+)/.exec(printed) ?? []
  const curl = await bed.fromElsewhere()
  expect((await curl(home)).status).toBe(204)
  await bed.ended(id)
  const kept = await server.api<Deployment>('GET', `/deployments/${id}`)
  expect(kept).toMatchObject({ state: 'succeeded', reason: expect.stringContaining('its system phoned home') })
  const log = (await server.call('GET', `/api/v1/deployments/${id}/log`)).text
  expect(log).toContain('the config node@1')
  expect(JSON.stringify(kept) + log + server.output).not.toContain('hunter2')

  await machine.power('off')
  await machine.power('on')
  await machine.shows(`${COUNTED} boot 2`, 120_000)
  const orders = await server.api<{ items: Deployment[] }>('GET', '/machines/web1/deployments')
  expect(orders.items).toHaveLength(1)
  await machine.power('off')
}, 900_000)

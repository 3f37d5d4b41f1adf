import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Refusal } from '../../src/kit/errors.ts'
import { SILENT } from '../../src/kit/log.ts'
import { Secret } from '../../src/kit/secret.ts'
import { RedfishClient } from '../../src/power/drivers/redfish/client.ts'
import { RedfishDriver } from '../../src/power/drivers/redfish/driver.ts'
import { redfishWorld } from '../fakes/redfish.ts'
import { redfishService } from '../fakes/redfish-service.ts'

const COUNT = Number(process.env.REVEILLE_FUZZ_COUNT ?? 3000)

const PARTS = [
  'redfish',
  'v1',
  'Systems',
  'Managers',
  'Chassis',
  'm-1',
  'm-2',
  'node1',
  'VirtualMedia',
  'Cd',
  'Actions',
  'ComputerSystem.Reset',
  'VirtualMedia.InsertMedia',
  'VirtualMedia.EjectMedia',
  'LogServices',
  'Sel',
  'Entries',
  'SessionService',
  'Sessions',
  'AccountService',
  'Accounts',
  'm-1-4',
  'Roles',
  'Thermal',
  '__proto__',
  '..',
  '',
  '%',
  '$metadata',
]
const NAMES = [
  'Boot',
  'IndicatorLED',
  'LocationIndicatorActive',
  'ResetType',
  'Image',
  'Inserted',
  'UserName',
  'Password',
  'RoleId',
  'Enabled',
  'BootSourceOverrideTarget',
  'BootSourceOverrideEnabled',
  'BootSourceOverrideMode',
  '__proto__',
  'constructor',
  'toString',
  '@odata.id',
]
const leaf = fc.oneof(
  fc.constantFrom(
    'Pxe',
    'Once',
    'Disabled',
    'UEFI',
    'Legacy',
    'On',
    'ForceOff',
    'Lit',
    'Administrator',
    'http://192.0.2.1/x.iso',
    'None',
  ),
  fc.jsonValue(),
)
const object = fc.dictionary(
  fc.oneof(fc.constantFrom(...NAMES), fc.string()),
  fc.oneof(leaf, fc.dictionary(fc.constantFrom(...NAMES), leaf)),
)

test('whatever is asked, the service answers with a status of its own and tells no password', async () => {
  const { service, one } = redfishWorld()
  const request = fc.record({
    method: fc.constantFrom('GET', 'HEAD', 'POST', 'PATCH', 'DELETE', 'PUT', 'OPTIONS', 'constructor'),
    path: fc.oneof(
      fc.array(fc.constantFrom(...PARTS), { maxLength: 8 }).map((parts) => `/redfish/v1/${parts.join('/')}`),
      fc.string().map((text) => `/${text}`),
    ),
    query: fc.constantFrom('', '$select=a', 'a=b').map((text) => new URLSearchParams(text)),
    address: fc.constantFrom('192.0.2.1', '::1', ''),
    body: fc.oneof(
      object.map((value) => JSON.stringify(value)),
      fc.string(),
      fc.constant(''),
    ),
    headers: fc.record(
      {
        authorization: fc.oneof(
          fc.constantFrom('oper:operator-secret', 'user:user-secret').map((pair) => `Basic ${btoa(pair)}`),
          fc.string(),
        ),
        'x-auth-token': fc.string(),
        'if-match': fc.string(),
        'odata-version': fc.constantFrom('4.0', '4.1'),
        'content-type': fc.constantFrom('application/json', 'text/html'),
      },
      { requiredKeys: [] },
    ),
  })
  await fc.assert(
    fc.asyncProperty(request, async (asked) => {
      one.log.length = 0
      const answer = await service.answer(asked)
      expect(answer.status).toBeGreaterThanOrEqual(200)
      expect(answer.status).not.toBe(500)
      expect(JSON.stringify(answer)).not.toMatch(/operator-secret|user-secret/)
    }),
    { numRuns: COUNT },
  )
})

let hostile: Awaited<ReturnType<typeof redfishService>>
beforeAll(async () => {
  hostile = await redfishService()
})
afterAll(() => hostile.stop())

/** A real document with some of its values replaced by others. */
function damaged(document: unknown, at: () => number, junk: () => unknown): unknown {
  if (at() < 0.04) return junk()
  if (Array.isArray(document)) return document.map((one) => damaged(one, at, junk))
  if (typeof document !== 'object' || document === null) return document
  return Object.fromEntries(Object.entries(document).map(([name, value]) => [name, damaged(value, at, junk)]))
}

test('whatever a service says, the driver ends with an answer or a refusal, and says no password', async () => {
  const junk = fc.oneof(
    leaf,
    fc.constant({ '@odata.id': '/redfish/v1/Systems/1' }),
    fc.constant(null),
    fc.constant('x'.repeat(5000)),
  )
  await fc.assert(
    fc.asyncProperty(
      fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })),
      fc.infiniteStream(junk),
      async (dice, rubbish) => {
        const at = () => dice.next().value as number
        hostile.before = ({ method, path }) => {
          const document = hostile.documents[path.replace(/\/$/, '')]
          if (method !== 'GET' || !document)
            return {
              status: at() < 0.5 ? 204 : 400,
              body: damaged({ error: { message: 'a secret password' } }, at, () => rubbish.next().value),
            }
          return { status: at() < 0.03 ? 404 : 200, body: damaged(document, at, () => rubbish.next().value) }
        }
        const client = new RedfishClient({
          url: hostile.url,
          user: 'admin',
          password: new Secret('a secret password'),
          fingerprint: null,
        })
        const driver = new RedfishDriver({
          client,
          system: null,
          log: SILENT,
          release: () => client.close(),
          shownMs: 0,
        })
        const works = [
          () => driver.state(),
          () => driver.perform('on'),
          () => driver.bootOrder(),
          () => driver.setBootOrder({ device: 'pxe', persistent: false, efi: true }),
          () => driver.setMedia('http://192.0.2.1/x.iso'),
          () => driver.media(),
          () => driver.sensors(),
          () => driver.events(),
          () => driver.fru(),
          () => driver.identify(0),
          () => driver.probe(),
        ]
        for (const work of works)
          await work().then(
            (value) => expect(JSON.stringify(value) ?? '').not.toContain('a secret password'),
            (error: unknown) => {
              expect(error).toBeInstanceOf(Refusal)
              expect(String(error)).not.toContain('a secret password')
            },
          )
        await driver.close()
      },
    ),
    { numRuns: Math.ceil(COUNT / 30) },
  )
})

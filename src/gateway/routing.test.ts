import { describe, expect, test } from 'vitest'
import { CAPABILITIES, type Capability } from '../power/driver.ts'
import { type ExplainFacts, explainCommand } from './explain.ts'
import { DEFAULT_ROUTES, type Routes } from './routes.ts'
import { driversFor, type RoutedDriver, routeOf, routeProblem, wordProblem } from './routing.ts'
import { readCommand } from './written-command.ts'

const driver = (name: string, kind: string, capabilities: readonly Capability[], more: Partial<RoutedDriver> = {}) => ({
  ...{ name, kind, capabilities: new Set(capabilities), score: 100, resting: false, lastFailure: null },
  ...more,
})
/** As in seed 001: its system by SSH, the BMC behind, the API of the cloud that owns it. */
const OS = driver('os', 'ssh', ['state', 'reset', 'soft', 'sensors'])
const BMC = driver('bmc', 'ipmi', [
  'state',
  'on',
  'off',
  'cycle',
  'reset',
  'soft',
  'diag',
  'console',
  'boot-device',
  'events',
])
const CLOUD = driver('cloud', 'http', ['state', 'on', 'off', 'cycle'])
const DRIVERS = [OS, BMC, CLOUD]
const facts = (routes: Routes = {}, more: Partial<ExplainFacts> = {}): ExplainFacts => ({
  bmc: { routes, enabled: true, rule: null, media: null },
  machine: { name: 'web1', profile: 'debian', profileKind: 'live' },
  drivers: DRIVERS,
  ...more,
})
const explained = (command: string, routes: Routes = {}, more: Partial<ExplainFacts> = {}) => {
  const told = explainCommand(command, facts(routes, more))
  return { ...told, text: told.steps.join('\n') }
}

describe('the three examples of seed 001', () => {
  const routes: Routes = { 'power.soft': 'os', console: 'bmc', 'power.hard': 'cloud' }

  test('a soft reboot goes to SSH', () => {
    const told = explained('chassis power soft', routes)
    expect(told).toMatchObject({ class: 'power.soft', target: 'os', because: 'machine', works: true })
    expect(told.steps).toEqual([
      '"chassis power soft" is a clean shutdown, which belongs to power.soft.',
      'web1 routes power.soft to its driver os.',
      'os (ssh) is asked; it can do state, reset, soft, sensors, and its health is 100 of 100.',
      'If it fails, nothing else is tried, for the route names one driver: the client is answered with an error, and the log of the BMC says why.',
    ])
  })

  test('the console goes to the BMC behind', () => {
    expect(explained('sol activate', routes)).toMatchObject({ class: 'console', target: 'bmc', works: true })
    expect(explained('ipmiconsole', routes).text).toContain('bmc (ipmi) is asked')
  })

  test('a hard off goes to the API of the cloud', () => {
    const told = explained('power off', routes)
    expect(told).toMatchObject({ class: 'power.hard', target: 'cloud', because: 'machine', works: true })
    expect(told.text).toContain('cloud (http) is asked')
    expect(explained('Reset ForceOff', routes)).toMatchObject({ target: 'cloud', works: true })
  })
})

describe('a route', () => {
  test('is that of the machine, else the default', () => {
    expect(routeOf({ fru: 'bmc' }, 'fru')).toEqual({ class: 'fru', target: 'bmc', to: 'driver', because: 'machine' })
    expect(routeOf({}, 'fru')).toEqual({ class: 'fru', target: 'reveille', to: 'reveille', because: 'default' })
    expect(routeOf({ fru: 'none' }, 'fru').to).toBe('none')
  })

  test('leads to the drivers that can, in their order', () => {
    const names = (...given: Parameters<typeof driversFor>) => driversFor(...given).map(({ name }) => name)
    expect(names({ to: 'drivers', target: 'drivers' }, 'soft', DRIVERS)).toEqual(['os', 'bmc'])
    expect(names({ to: 'driver', target: 'cloud' }, 'soft', DRIVERS)).toEqual([])
    expect(names({ to: 'reveille', target: 'reveille' }, 'soft', DRIVERS)).toEqual([])
  })

  test.each([
    ['power.soft', 'os', undefined],
    ['power.soft', 'drivers', undefined],
    ['power.soft', 'none', undefined],
    ['bootdev', 'reveille', undefined],
    ['power.soft', 'reveille', 'Reveille cannot do power.soft without a driver'],
    ['power.soft', 'cloud', 'the driver cloud (http) cannot do soft'],
    ['console', 'gone', 'there is no driver gone'],
    ['console', 'No such!', 'a target is the name of a driver, drivers, reveille or none'],
  ] as const)('of %s to %s is checked, and what would work is said', (of, target, message) => {
    const problem = routeProblem(of, target, DRIVERS)
    expect(problem?.message).toBe(message)
    if (of === 'power.soft' && problem)
      expect(problem.next).toBe('power.soft can go to os (ssh), bmc (ipmi), drivers, none')
  })

  test('of a rule may name drivers that are not there yet', () => {
    expect(wordProblem('console', 'later')).toBeUndefined()
    expect(wordProblem('console', 'reveille')).toContain('Reveille cannot')
    for (const [of, target] of Object.entries(DEFAULT_ROUTES)) expect(wordProblem(of as never, target)).toBeUndefined()
  })
})

describe('a written command', () => {
  test.each([
    ['chassis power soft', 'power.soft', 'soft'],
    ['ipmitool power status', 'power.hard', 'state'],
    ['chassis status', 'power.hard', 'state'],
    ['power cycle', 'power.hard', 'cycle'],
    ['ipmipower --off', 'power.hard', 'off'],
    ['ipmipower --stat', 'power.hard', 'state'],
    ['chassis power diag', 'power.hard', 'diag'],
    ['ResetType=GracefulShutdown', 'power.soft', 'soft'],
    ['#ComputerSystem.Reset PowerCycle', 'power.hard', 'cycle'],
    ['chassis bootdev pxe options=persistent', 'bootdev', 'boot-device'],
    ['BootSourceOverrideTarget: none', 'bootdev', 'boot-device'],
    ['BootSourceOverrideTarget Hdd', 'bootdev', 'boot-device'],
    ['chassis identify 15', 'identify', 'identify'],
    ['sdr list', 'sensors', 'sensors'],
    ['ipmi-sensors', 'sensors', 'sensors'],
    ['fru print', 'fru', 'fru'],
    ['sel elist', 'sel', 'events'],
    ['sol activate', 'console', 'console'],
    ['InsertMedia', 'media', 'media'],
    ['raw 0x00 0x02 0x05', 'power.soft', 'soft'],
    ['raw 0 2 0', 'power.hard', 'off'],
    ['raw 0x0a 0x43 0 0', 'sel', 'events'],
    ['raw 0x30 0x01', 'raw', 'raw'],
    ['raw 0x06 0x01', null, null],
    ['mc info', null, null],
    ['mc reset cold', null, null],
    ['lan print 1', null, null],
    ['user list', null, null],
    ['raw', undefined, undefined],
    ['raw x y', undefined, undefined],
    ['chassis bootdev toaster', undefined, undefined],
    ['make tea', undefined, undefined],
    ['', undefined, undefined],
  ])('%s is of class %s', (text, of, capability) => {
    const read = readCommand(text)
    expect(read?.class).toBe(of)
    expect(read?.capability).toBe(capability)
  })
})

describe('an explanation', () => {
  test('says that the default counts, who is passed over and who comes next', () => {
    const resting = { ...OS, score: 20, resting: true, lastFailure: 'it refused the connection' }
    const { steps, because, works } = explained('power reset', {}, { drivers: [CLOUD, resting, BMC] })
    expect([because, works]).toEqual(['default', true])
    expect(steps.slice(1)).toEqual([
      'web1 has no route of its own for power.hard, so the default counts: it goes to the drivers of web1, in their order.',
      'cloud (http) is passed over: it cannot do reset.',
      'bmc (ipmi) is asked; it can do state, on, off, cycle, reset, soft, diag, console, boot-device, events, and its health is 100 of 100.',
      'If that fails, os (ssh) is asked; it can do state, reset, soft, sensors, and it rests now after many failures; it failed last because it refused the connection.',
      'If all fail, the client is answered with an error, and the log of the BMC says why.',
    ])
  })

  test('of what cannot be done says what would help', () => {
    expect(explained('power on', {}, { drivers: [] })).toMatchObject({ works: false })
    expect(explained('power on', {}, { drivers: [] }).text).toContain('reveille driver set web1')
    expect(explained('sol activate', { console: 'gone' }).text).toContain('console can go to bmc (ipmi)')
    expect(explained('power cycle', { 'power.hard': 'os' }).text).toContain('the driver os (ssh) cannot do cycle')
    expect(explained('raw 0x30 0x01')).toMatchObject({ class: 'raw', target: 'none', works: false })
    expect(explained('make tea')).toMatchObject({ class: null, works: false, because: 'fixed' })
    expect(explained('mc info')).toMatchObject({ class: null, target: 'reveille', because: 'fixed', works: true })
    const off = { bmc: { routes: {}, enabled: false, rule: null, media: null } }
    expect(explained('mc info', {}, off)).toMatchObject({ works: false })
  })

  test('of a cycle that two drivers do together names both', () => {
    const wake = driver('wake', 'wol', ['on'])
    const told = explained('power cycle', {}, { drivers: [OS, wake] })
    expect(told.works).toBe(true)
    expect(told.text).toContain('No driver can do it alone: soft and then on are ordered, one after the other.')
  })

  test('of a boot order says what the machine then does', () => {
    expect(explained('chassis bootdev pxe').text).toContain('it boots its profile debian')
    const local = { machine: { name: 'web1', profile: 'own', profileKind: 'local' } }
    expect(explained('chassis bootdev pxe', {}, local).text).toContain('lets it boot its own disk all the same')
    const none = { machine: { name: 'web1', profile: null, profileKind: null } }
    expect(explained('chassis bootdev pxe', {}, none).text).toContain('it has no profile')
    expect(explained('chassis bootdev disk').text).toContain('it is told to boot its own disk')
    expect(explained('chassis bootdev cdrom').text).toContain('no disc is inserted')
    expect(explained('chassis bootdev bios')).toMatchObject({ works: false })
    expect(explained('chassis bootdev bios', { bootdev: 'bmc' })).toMatchObject({ works: true, target: 'bmc' })
    expect(explained('chassis bootdev pxe', { bootdev: 'drivers' }).text).toContain('Reveille keeps the order, too')
  })

  test('is given for every class, whatever it is routed to', () => {
    const all = driver('all', 'ipmi', CAPABILITIES)
    for (const command of [
      'power on',
      'power soft',
      'bootdev disk',
      'identify',
      'sdr',
      'sol',
      'fru',
      'sel',
      'media',
      'raw 48 1',
    ])
      for (const target of ['none', 'reveille', 'drivers', 'all', 'gone']) {
        const of = readCommand(command)!.class!
        const told = explained(command, { [of]: target }, { drivers: [all] })
        expect(told.works).toBe(
          target === 'drivers' ||
            target === 'all' ||
            (target === 'reveille' && ['bootdev', 'fru', 'sel', 'media'].includes(of)),
        )
        expect(told.text).not.toMatch(/undefined|null|\[object/)
      }
  })
})

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { Refusal } from '../kit/errors.ts'
import { dataDirOf, type Environment, type Flags, load } from './load.ts'

const folder = mkdtempSync(join(tmpdir(), 'reveille-config-'))
const empty = mkdtempSync(join(tmpdir(), 'reveille-empty-'))
afterAll(() => {
  for (const path of [folder, empty]) rmSync(path, { recursive: true })
})

function withFile(yaml: string, environment: Environment = {}, flags: Flags = {}) {
  writeFileSync(join(folder, 'reveille.yaml'), yaml)
  return load({ config: 'reveille.yaml', ...flags }, environment, folder)
}

function refusal(make: () => unknown): string {
  try {
    make()
  } catch (error) {
    if (error instanceof Refusal) return error.message
    throw error
  }
  throw new Error('nothing was refused')
}

describe('load', () => {
  test('flags beat the environment, which beats the file, which beats defaults; each source is known', () => {
    const yaml = 'dataDir: /file\nhttp:\n  listen: 127.0.0.1:1\nlog:\n  level: warn\ntraces:\n  keepDays: 7\n'
    const { config, settings, file } = withFile(
      yaml,
      { REVEILLE_HTTP_LISTEN: '127.0.0.1:2', REVEILLE_LOG_LEVEL: 'error' },
      { 'http.listen': '127.0.0.1:3' },
    )
    expect(config).toMatchObject({
      dataDir: '/file',
      http: { listen: { host: '127.0.0.1', port: 3 } },
      log: { level: 'error' },
      traces: { keepDays: 7, keepPerMachine: 50 },
    })
    expect(file).toBe(join(folder, 'reveille.yaml'))
    const source = (name: string) => settings.find((setting) => setting.name === name)
    expect(source('dataDir')).toMatchObject({ source: 'file', value: '/file', default: '/var/lib/reveille' })
    expect(source('http.listen')).toMatchObject({ source: 'flag', value: '127.0.0.1:3', default: '0.0.0.0:8080' })
    expect(source('log.level')?.source).toBe('environment')
    expect(source('traces.keepPerMachine')?.source).toBe('default')
  })

  test('text of the environment becomes lists, numbers, truths and networks', () => {
    const { config, settings } = load(
      {},
      {
        REVEILLE_DHCP_MODE: 'server',
        REVEILLE_DHCP_INTERFACES: 'eth0, eth1',
        REVEILLE_DHCP_RATE_LIMIT: '7',
        REVEILLE_DHCP_CONFLICT_PROBE: 'no',
        REVEILLE_NETWORKS:
          '[{name: a, subnet: 10.0.0.0/24, interface: eth0, ranges: [10.0.0.9-10.0.0.20], router: 10.0.0.1}]',
        REVEILLE_ADVERTISE: '',
        PATH: '/bin',
      },
      empty,
    )
    expect(config.dhcp).toMatchObject({ interfaces: ['eth0', 'eth1'], rateLimit: 7, conflictProbe: false })
    expect(config.networks[0]).toMatchObject({ subnet: { base: 0x0a000000, prefix: 24 }, router: 0x0a000001 })
    expect(settings.find(({ name }) => name === 'networks')?.value).toEqual([
      {
        name: 'a',
        subnet: '10.0.0.0/24',
        interface: 'eth0',
        ranges: ['10.0.0.9-10.0.0.20'],
        router: '10.0.0.1',
        dns: [],
        ntp: [],
        leaseSeconds: 3600,
      },
    ])
    expect(config.advertise).toBeUndefined()
  })

  test('the result is frozen all through', () => {
    const { config } = load({}, {}, empty)
    expect(Object.isFrozen(config.http.listen)).toBe(true)
    expect(Object.isFrozen(config.dhcp.interfaces)).toBe(true)
  })

  test('a section without content counts as left out', () => {
    expect(withFile('dhcp:\nlog:\n').config.dhcp.mode).toBe('off')
    expect(withFile('').config.log.level).toBe('info')
  })

  test.each([
    [
      'dhcp:\n  mode: prxy\n',
      'reveille.yaml:2:9: dhcp.mode is "prxy": it must be one of off, proxy, server; did you mean proxy?',
    ],
    [
      'dhcp:\n  mod: proxy\n',
      'reveille.yaml:2:8: dhcp.mod is "proxy": there is no such setting; did you mean dhcp.mode?',
    ],
    ['dchp:\n  mode: off\n', 'reveille.yaml:2:3: dchp is {"mode":"off"}: there is no such setting; did you mean dhcp?'],
    ['datadir: /x\n', 'reveille.yaml:1:10: datadir is "/x": there is no such setting; did you mean dataDir?'],
    [
      'http:\n  listen: 8080\n',
      'reveille.yaml:2:11: http.listen is 8080: it must be an IPv4 address and port such as 0.0.0.0:8080',
    ],
    ['dhcp:\n  rateLimit: 0\n', 'reveille.yaml:2:14: dhcp.rateLimit is 0: it must be from 1 to 100000'],
    ['dhcp:\n  rateLimit: many\n', 'reveille.yaml:2:14: dhcp.rateLimit is "many": it must be a number'],
    ['dhcp: server\n', 'reveille.yaml:1:7: dhcp is "server": it must be a section of NAME: VALUE lines'],
    [
      'dhcp:\n  interfaces: [eth0, "a b"]\n',
      'reveille.yaml:2:22: dhcp.interfaces[1] is "a b": it must be an interface name of 1 to 15 letters, digits and . _ : @ -',
    ],
    [
      'networks:\n  - name: a\n    subnet: 10.0.0.0/33\n',
      'reveille.yaml:3:13: networks[0].subnet is "10.0.0.0/33": it must be a subnet such as 10.0.0.0/24',
    ],
    [
      'networks:\n  - name: a\n',
      'reveille.yaml:2:5: networks[0].subnet is missing: it must be a subnet such as 10.0.0.0/24',
    ],
    ['networks:\n  - subnt: a\n', 'reveille.yaml:2:5: networks[0].name is missing: it must be text'],
    ['lab:\n  enabled: yes\n', 'reveille.yaml:2:12: lab.enabled is "yes": it must be true or false'],
    ['- a\n', 'reveille.yaml:1:1: settings must be written as NAME: VALUE, such as dataDir: /srv/reveille'],
    [
      'dhcp:\n  mode: proxy\n  interfaces: []\n',
      'reveille.yaml:3:15: dhcp.interfaces is []: dhcp.mode proxy needs the interfaces to answer on, such as [eth0]',
    ],
  ])('%j is refused in one line', (yaml, message) => {
    expect(refusal(() => withFile(yaml))).toBe(message)
  })

  test('a default that does not fit what was set is called a default', () => {
    expect(refusal(() => load({ 'dhcp.mode': 'proxy' }, {}, empty))).toBe(
      'dhcp.interfaces is [] (its default): dhcp.mode proxy needs the interfaces to answer on, such as [eth0]',
    )
  })

  test('bad YAML is refused at its place', () => {
    expect(refusal(() => withFile('a: [1\nb: 2\n'))).toMatch(/^reveille\.yaml:2:1: this is not YAML: /)
  })

  test('variables and flags are named as people wrote them', () => {
    expect(refusal(() => load({}, { REVEILLE_HTTP_LISTEN: 'x' }, empty))).toMatch(
      /^REVEILLE_HTTP_LISTEN: http\.listen is "x": it must be /,
    )
    expect(refusal(() => load({ 'http.listen': 'x' }, {}, empty))).toMatch(
      /^--http-listen: http\.listen is "x": it must be /,
    )
    expect(refusal(() => load({}, { REVEILLE_DHCP_INTERFACE: 'eth0' }, empty))).toBe(
      'environment variable REVEILLE_DHCP_INTERFACE: there is no such setting; did you mean REVEILLE_DHCP_INTERFACES?',
    )
    expect(refusal(() => load({}, { REVEILLE_NETWORKS: '[{name: a, subnet: x}]' }, empty))).toMatch(
      /^REVEILLE_NETWORKS: networks\[0\]\.subnet is "x"/,
    )
  })

  test('the variables of clients are no settings', () => {
    expect(() => load({}, { REVEILLE_URL: 'http://x', REVEILLE_TOKEN: 'y' }, empty)).not.toThrow()
  })

  test('a file that is named must be there', () => {
    expect(refusal(() => load({ config: 'none.yaml' }, {}, empty))).toMatch(/none\.yaml cannot be read: ENOENT/)
  })
})

describe('dataDirOf', () => {
  test('takes the variable, then the file whatever else is wrong in it, then the default', () => {
    writeFileSync(join(folder, 'reveille.yaml'), 'dataDir: /here\nnonsense: 1\n')
    expect(dataDirOf({ REVEILLE_DATA_DIR: '/there' }, folder)).toBe('/there')
    expect(dataDirOf({}, folder)).toBe('/here')
    expect(dataDirOf({}, empty)).toBe('/var/lib/reveille')
  })
})

test('the value of a secret is shown in no list, whatever is wrong with it', () => {
  const given = { REVEILLE_NOTIFY_WEBHOOK_SECRET: 'correct horse', REVEILLE_NOTIFY_SMTP_PASSWORD: 'battery staple' }
  const { config, settings } = load({}, { ...given, REVEILLE_DATA_DIR: '/tmp/x' }, '/')
  expect(config.notify.webhookSecret?.reveal()).toBe('correct horse')
  expect(JSON.stringify({ config, settings })).not.toMatch(/correct horse|battery/)
  expect(settings.find(({ name }) => name === 'notify.smtp.password')?.value).toBe('[secret]')
  expect(() => load({}, { REVEILLE_NOTIFY_WEBHOOK_SECRET: 'qwerty' }, '/')).toThrow(/^(?!.*qwerty).*webhookSecret/s)
})

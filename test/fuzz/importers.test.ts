import { describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { importDhcpd, importDnsmasq, importedText, importMatchbox } from '../../src/api/client/site/importing.ts'
import { readManifestText } from '../../src/cli/manifest.ts'
import { fuzzCount, fuzzSeed, Mutator } from './mutator.ts'

const DNSMASQ = [
  'dhcp-host=52:54:00:00:00:01,set:lab,web1,10.0.0.21,12h\ndhcp-range=set:lab,10.0.0.100,10.0.0.199,255.255.255.0,1h\n',
  'dhcp-option=tag:lab,option:router,10.0.0.1\ndomain=example.org # here\ndhcp-option=6,10.0.0.2,10.0.0.3\n',
  'dhcp-host=id:ff:00,52:54:00:00:00:02,52-54-00-00-00-03,[fd00::1],"a,b",ignore\naddress=/#/10.0.0.1\n',
]
const DHCPD = [
  'option domain-name "example.org";\ngroup { next-server 10.0.0.1; host web1 { hardware ethernet 52:54:00:00:00:01; fixed-address 10.0.0.21; option host-name "w\\"eb"; } }\n',
  'subnet 10.0.0.0 netmask 255.255.255.0 { range 10.0.0.100 10.0.0.199; option routers 10.0.0.1, 10.0.0.2; pool { range dynamic-bootp 10.0.0.200; } }\n',
  'shared-network x { subnet 10.1.0.0 netmask 255.255.0.0 { } } if option arch = 00:07 { filename "a"; } else { filename "b"; } # end',
]
const MATCHBOX = [
  [
    'groups/a.json',
    '{"id":"a","profile":"node","selector":{"mac":"52:54:00:00:00:01","os":"x"},"metadata":{"ip":"10.0.0.1","n":{"a":1}}}',
  ],
  [
    'profiles/node.json',
    `{"id":"node","boot":{"kernel":"/assets/k","initrd":["/assets/i"],"args":["a=\${mac}","ignition.config.url=http://m/ignition?mac=x"]},"ignition_id":"node.yaml"}`,
  ],
  ['ignition/node.yaml', 'variant: flatcar\nversion: 1.0.0\n# {{.ip}} {{if .x}} {{index .keys 0}}\n'],
] as const
const bytes = (text: string) => new TextEncoder().encode(text)
const text = (mutated: Uint8Array) => new TextDecoder('utf-8').decode(mutated)

/** What comes out is YAML that the reader of manifests takes, whatever went in: at most fields of it are refused. */
async function expectManifest(imported: Parameters<typeof importedText>[0]): Promise<void> {
  const written = importedText(imported, 'x')
  expect(parseAllDocuments(written).flatMap((document) => document.errors)).toEqual([])
  const { manifest } = await readManifestText(written, 'x')
  const count = imported.sections.machines?.length ?? 0
  if (manifest.machines.length > 0) expect(manifest.machines).toHaveLength(count)
}

describe('whatever a file holds, importers tell what they took and what not', () => {
  test('dnsmasq.conf', async () => {
    const mutator = new Mutator(fuzzSeed('dnsmasq.conf'))
    for (let i = 0; i < fuzzCount(); i++) {
      const imported = importDnsmasq(text(mutator.mutate(bytes(mutator.pick(DNSMASQ)))), 'x')
      if (i % 20 === 0) await expectManifest(imported)
    }
  })

  test('dhcpd.conf', async () => {
    const mutator = new Mutator(fuzzSeed('dhcpd.conf'))
    for (let i = 0; i < fuzzCount(); i++) {
      const imported = importDhcpd(text(mutator.mutate(bytes(mutator.pick(DHCPD)))), 'x')
      if (i % 20 === 0) await expectManifest(imported)
    }
  })

  test('the files of matchbox', async () => {
    const mutator = new Mutator(fuzzSeed('matchbox'))
    for (let i = 0; i < fuzzCount(); i++) {
      const files = new Map(MATCHBOX.map(([path, content]) => [path, text(mutator.mutate(bytes(content)))]))
      const imported = importMatchbox(files, 'x')
      if (i % 20 === 0) await expectManifest(imported)
    }
  })

  test.each([
    ['braces', '{'.repeat(1_000_000)],
    ['groups', 'group {'.repeat(200_000)],
    ['an open quote', `option domain-name "${'\\"'.repeat(1_000_000)}`],
    ['templates', `{{${' '.repeat(1_000_000)}`],
    ['open templates', '{{'.repeat(500_000)],
    ['commas', `dhcp-host=${','.repeat(1_000_000)}`],
    ['ranges', 'dhcp-range=10.0.0.1,10.0.0.2,255.255.255.0\n'.repeat(20_000)],
    ['options', 'dhcp-option=3,10.0.0.1\n'.repeat(50_000)],
    [
      'hosts of one name',
      Array.from(
        { length: 3000 },
        (_, i) =>
          `dhcp-host=52:54:00:00:${(i >> 8).toString(16).padStart(2, '0')}:${(i & 255).toString(16).padStart(2, '0')},a\n`,
      ).join(''),
    ],
    ['comments', `#${'x'.repeat(3_000_000)}`],
  ])('%s without end take bounded time and memory', (_, hostile) => {
    expect(importDnsmasq(hostile, 'x')).toBeDefined()
    expect(importDhcpd(hostile, 'x')).toBeDefined()
    expect(
      importMatchbox(
        new Map([
          ['ignition/a', hostile],
          ['groups/a.json', hostile],
        ]),
        'x',
      ),
    ).toBeDefined()
  })
})

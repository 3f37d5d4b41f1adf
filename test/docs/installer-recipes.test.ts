import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { Manifest } from '../../src/api/contract/server.ts'
import { LANGUAGES } from '../../src/compose/configs.ts'
import { factsOf, previewFacts, SAMPLE_MACHINE, SAMPLE_NETWORK } from '../../src/configs/facts.ts'
import { renderConfig } from '../../src/configs/rendering.ts'
import { resolve } from '../../src/configs/values.ts'

/** What installers are told of the disk that they install onto, as they would read it. */
const LOGIN = { initiator: 'iqn.x:m-1', target: 'iqn.x:m-1.setup', host: '192.0.2.1', port: 3260, lun: 0 }
const BY_PATH = 'ip-192.0.2.1:3260-iscsi-iqn.x:m-1.setup-lun-0'

/** The first part of a recipe's config for a boot with a disk; `chap`: its target wants a secret. */
function told(recipe: string, chap: boolean): string {
  const { configs } = Manifest.parse(parse(readFileSync(`recipes/${recipe}/recipe.yaml`, 'utf8')))
  const [config] = configs
  const iscsi = { ...LOGIN, user: chap ? 'm-1' : '', secret: chap ? 'chap12345678' : '' }
  const boot = { ...previewFacts('http://192.0.2.1:8080'), iscsi }
  const facts = factsOf(SAMPLE_MACHINE, SAMPLE_NETWORK, null, boot)
  const around = { value: () => undefined, open: () => '', secrets: 'revealed', samples: true } as const
  const { parts, problems } = renderConfig(
    {
      config: recipe,
      version: 1,
      kind: config!.kind,
      parts: config!.parts,
      scope: () => resolve(config!.variables, facts, around),
      snippets: new Map(),
      packs: true,
    },
    LANGUAGES,
  )
  expect(problems).toEqual([])
  expect(parts[0]?.secret).toBe(true)
  return parts[0]!.content
}

test.each([true, false])("Debian's installer logs in to its disk before it looks for partitions (CHAP: %s)", (chap) => {
  const lines = told('debian-iscsi', chap)
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
  const early = lines.find((line) => line.startsWith('d-i partman/early_command string '))!
  expect(early).toContain('echo InitiatorName=iqn.x:m-1 >/etc/iscsi/initiatorname.iscsi; iscsi-start;')
  expect(early).toContain('node="iscsiadm -m node -T iqn.x:m-1.setup -p 192.0.2.1:3260";')
  expect(early).toContain(`by=/dev/disk/by-path/${BY_PATH};`)
  const login = '-n node.session.auth.username -v m-1; $node -o update -n node.session.auth.password -v chap12345678;'
  expect(early.includes(login)).toBe(chap)
  expect(early.includes('CHAP')).toBe(chap)
  expect(early).toMatch(
    /\$node --login; .*debconf-set partman-auto\/disk "\$disk"; debconf-set grub-installer\/bootdev/,
  )
})

test.each([true, false])("Ubuntu's installer logs in to its disk and takes no other (CHAP: %s)", (chap) => {
  const { autoinstall } = parse(told('ubuntu-iscsi', chap))
  expect(autoinstall['early-commands']).toEqual([
    'echo "InitiatorName=iqn.x:m-1" >/etc/iscsi/initiatorname.iscsi',
    'systemctl restart iscsid',
    'iscsiadm -m node -T iqn.x:m-1.setup -p 192.0.2.1:3260 -o new',
    ...(chap
      ? [
          'iscsiadm -m node -T iqn.x:m-1.setup -o update -n node.session.auth.authmethod -v CHAP',
          'iscsiadm -m node -T iqn.x:m-1.setup -o update -n node.session.auth.username -v m-1',
          'iscsiadm -m node -T iqn.x:m-1.setup -o update -n node.session.auth.password -v chap12345678',
        ]
      : []),
    'iscsiadm -m node -T iqn.x:m-1.setup --login',
    'udevadm settle',
  ])
  expect(autoinstall.storage.layout).toEqual({ name: 'direct', match: { id_path: BY_PATH } })
  expect(autoinstall.network.ethernets.boot).toMatchObject({ critical: true, dhcp4: true })
})

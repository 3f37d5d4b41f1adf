import { describe, expect, test } from 'vitest'
import { readYaml } from '../../configs/drivers/yaml.ts'
import { validateIgnition } from './validate.ts'

const validate = (text: string) => validateIgnition(readYaml(text).document!)
const of = (version: string, rest: string) => `{"ignition":{"version":"${version}"},${rest}}`
const file = (rest: string) => `"storage":{"files":[{"path":"/a",${rest}}]}`

/** Complete documents, as Ignition's own are. */
const GOOD: readonly string[] = [
  ...['3.0.0', '3.1.0', '3.2.0', '3.3.0', '3.4.0', '3.5.0'].map((version) => `{"ignition":{"version":"${version}"}}`),
  of('3.0.0', file('"mode":420,"contents":{"source":"data:,hello"}')),
  of(
    '3.1.0',
    file('"contents":{"source":"https://h/x","httpHeaders":[{"name":"A","value":"b"}],"compression":"gzip"}'),
  ),
  of('3.2.0', file('"mode":null,"contents":null')),
  of('3.2.0', '"storage":{"luks":[{"name":"a","device":"/dev/a","clevis":{"tpm2":true},"wipeVolume":true}]}'),
  of('3.3.0', '"kernelArguments":{"shouldExist":["a"],"shouldNotExist":["b"]}'),
  of(
    '3.3.0',
    '"systemd":{"units":[{"name":"a.service","enabled":true,"contents":"[Install]\\nWantedBy=x.target\\n"}]}',
  ),
  of('3.4.0', '"storage":{"luks":[{"name":"a","device":"/dev/a","discard":true,"openOptions":["--x"]}]}'),
  of('3.5.0', '"storage":{"luks":[{"name":"a","device":"/dev/a","cex":{"enabled":true}}]}'),
  '{"ignition":{"version":"3.1.0","config":{"merge":[{"source":"http://h/x"}]},"proxy":{"noProxy":["*"]},"timeouts":{"httpTotal":9}}}',
  of(
    '3.0.0',
    '"storage":{"disks":[{"device":"/dev/a","wipeTable":true,"partitions":[{"number":1,"sizeMiB":8,"typeGuid":"21686148-6449-6E6F-744E-656564454649"}]}]}',
  ),
]

/** What is told, and at which column of the one line. */
const BAD: readonly (readonly [text: string, path: string, message: string, hint?: string])[] = [
  ['«[]', '$', 'a map of fields'],
  ['«{}', '$.ignition.version', 'version is required', '3.0.0, 3.1.0'],
  ['{"ignition":«{}}', '$.ignition.version', 'version is required'],
  ['{"ignition":{"version":«"2.3.0"}}', '$.ignition.version', 'Ignition 2.3.0 is not supported', 'Butane'],
  ['{«"ignitionVersion":1}', '$.ignition.version', 'Ignition 1 is not supported'],
  ['{"ignition":{"version":«"3.6.0"}}', '$.ignition.version', 'not known'],
  ['{"ignition":{"version":«"3.6.0-experimental"}}', '$.ignition.version', 'not known'],
  ['{"ignition":{"version":«3}}', '$.ignition.version', 'not known'],
  ['{«"variant":"flatcar","version":"1.0.0"}', '$.variant', 'this is Butane'],
  [of('3.3.0', '«"foo":1'), '$.foo', 'unknown field'],
  [of('3.3.0', '«"boot_device":{}'), '$.boot_device', 'unknown field', 'only variant fcos'],
  [of('3.3.0', file('"contents":{«"inline":"x"}')), '$.storage.files.0.contents.inline', 'unknown', 'of Butane'],
  [
    of('3.3.0', file('"contents":{«"http_headers":[]}')),
    '$.storage.files.0.contents.http_headers',
    'unknown',
    'write httpHeaders',
  ],
  [
    of('3.0.0', file('"contents":{«"httpHeaders":[]}')),
    '$.storage.files.0.contents.httpHeaders',
    'unknown',
    'ignition 3.1.0 has it',
  ],
  [of('3.1.0', '"storage":{«"luks":[]}'), '$.storage.luks', 'unknown', 'ignition 3.2.0 has it'],
  [of('3.2.0', '«"kernelArguments":{}'), '$.kernelArguments', 'unknown', 'ignition 3.3.0 has it'],
  [of('3.3.0', file('"mode":«"0644"')), '$.storage.files.0.mode', 'a whole number'],
  [of('3.3.0', file('"mode":«9999')), '$.storage.files.0.mode', 'between 0 and 07777'],
  [of('3.3.0', '"storage":{"files":[{"path":«5}]}'), '$.storage.files.0.path', 'this is a text', 'in quotes'],
  [of('3.3.0', '"storage":{"files":[{"path":«"a"}]}'), '$.storage.files.0.path', 'not absolute'],
  [of('3.3.0', file('"overwrite":«"yes"')), '$.storage.files.0.overwrite', 'true or false'],
  [of('3.3.0', file('"contents":{"source":«"ftp://h"}')), '$.storage.files.0.contents.source', 'scheme ftp'],
  [of('3.3.0', '"storage":{"links":[«{"path":"/a"}]}'), '$.storage.links.0.target', 'target is required'],
  [of('3.3.0', '"systemd":{"units":[{"name":«"a"}]}'), '$.systemd.units.0.name', 'does not end as a unit'],
  [of('3.3.0', '"passwd":{"users":[{"name":"a"},{"name":«"a"}]}'), '$.passwd.users.1.name', 'twice'],
  [
    of('3.3.0', '"storage":{"disks":[{"device":"/dev/a","partitions":[{"number":1,"sizeMiB":«-1}]}]}'),
    '$.storage.disks.0.partitions.0.sizeMiB',
    'negative',
  ],
]

describe('Ignition', () => {
  test.each(GOOD)('without a mistake is taken: %s', (text) => expect(validate(text)).toEqual([]))

  test.each(BAD.map((row) => ({ row, text: row[0] })))('with a mistake is refused at its place: $text', ({ row }) => {
    const [text, path, message, hint = ''] = row
    const at = { line: 1, column: text.indexOf('«') + 1 }
    expect(validate(text.replace('«', ''))).toEqual([
      { severity: 'error', path, at, message: expect.stringContaining(message), hint: expect.stringContaining(hint) },
    ])
  })

  test('that Flatcar does not boot with is told so', () => {
    const text = of(
      '3.3.0',
      '"storage":{"filesystems":[{"device":"/dev/sda1","format":"ext4","label":"ROOT","path":"/"}]}',
    )
    expect(validate(text)).toMatchObject([{ severity: 'warning', path: '$.storage.filesystems.0.path' }])
  })
})
